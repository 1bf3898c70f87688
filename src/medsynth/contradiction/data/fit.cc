// Fits the built-in weights: fit_combination OUT.json PAIRS.jsonl..., or with --check before it, says whether
// OUT.json is what the pairs give (see README.md beside it).
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <span>
#include <sstream>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/id.h"
#include "medsynth/contradiction/judge.h"
#include "medsynth/contradiction/train.h"

namespace {

using namespace medsynth;
using namespace medsynth::contradiction;

struct Pair {
  std::string id, category, label, claim1, claim2;
};
BOOST_DESCRIBE_STRUCT(Pair, (), (id, category, label, claim1, claim2))

Result<> add_rows(const std::string& text, std::vector<Row>& rows) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    BOOST_OUTCOME_TRY(const auto pair, described::parse<Pair>(line));
    const bool ordered = in_order(pair.claim1, pair.claim2);
    const std::string &text1 = ordered ? pair.claim1 : pair.claim2,
                      &text2 = ordered ? pair.claim2 : pair.claim1;
    const Claim first = read_claim(text1), second = read_claim(text2);
    const Judgement judgement = judge({first, text1, second, text2});
    // What is decided without the combination has nothing to teach it.
    using Finding = Polarity::Finding;
    const Finding finding = judgement.polarity.finding;
    if (finding == Finding::identical || finding == Finding::unread || finding == Finding::foreign) continue;
    rows.push_back({values_of(judgement.features), pair.label == "contradiction"});
  }
  return success();
}

Result<std::string> read(const char* file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return Error{Code::not_found, fmt::format("cannot read {}", file), ""};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Another compiler may give other last digits.
Result<> same(const Combination& kept, const Combination& fitted) {
  constexpr double kNear = 1e-4;
  bool near = kept.trained_on.sha256 == fitted.trained_on.sha256 &&
              kept.weights.size() == fitted.weights.size() &&
              std::abs(kept.intercept - fitted.intercept) < kNear;
  for (const auto& [name, weight] : fitted.weights) {
    const auto found = kept.weights.find(name);
    near &= found != kept.weights.end() && std::abs(found->second - weight) < kNear;
  }
  if (near) return success();
  return Error{Code::conflict, "the weights are not those of these pairs: scripts/build release weights", ""};
}

Result<> run(bool check, std::span<char*> files) {
  std::string all;
  std::vector<Row> rows;
  for (const char* file : files.subspan(1)) {
    BOOST_OUTCOME_TRY(const auto text, read(file));
    BOOST_OUTCOME_TRY(add_rows(text, rows));
    all += text;
  }
  TrainOptions options;
  // More likely a contradiction than not is called one; a good third, and it is not excluded.
  options.uncertain = {.from = .35, .to = .5};
  BOOST_OUTCOME_TRY(auto trained, train(rows, options));
  trained.combination.trained_on.sha256 = sha256_hex(all);
  if (check) {
    BOOST_OUTCOME_TRY(const auto kept, read(files[0]));
    BOOST_OUTCOME_TRY(const auto combination, read_combination(kept));
    return same(combination, trained.combination);
  }
  std::ofstream(files[0]) << json::write_pretty(described::to_value(trained.combination)) << "\n";
  std::cout << fmt::format("{} pairs, penalty {}, cross-validated: {}\n", rows.size(), trained.penalty,
                           described::write(trained.validated));
  return success();
}

}  // namespace

int main(int count, char** arguments) {
  std::span<char*> files(arguments + 1, static_cast<std::size_t>(std::max(count - 1, 0)));
  const bool check = !files.empty() && std::string_view(files[0]) == "--check";
  if (check) files = files.subspan(1);
  if (files.size() < 2) {
    std::cerr << "usage: fit_combination [--check] OUT.json PAIRS.jsonl...\n";
    return 2;
  }
  if (const auto done = run(check, files); !done) {
    std::cerr << done.error().message << "\n";
    return 1;
  }
  return 0;
}
