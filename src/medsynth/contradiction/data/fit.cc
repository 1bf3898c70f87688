// Fits the built-in weights: fit_combination OUT.json PAIRS.jsonl... (see README.md beside it).
#include <fstream>
#include <iostream>
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
    if (finding == Finding::identical || finding == Finding::unread) continue;
    rows.push_back({values_of(judgement.features), pair.label == "contradiction"});
  }
  return success();
}

Result<> run(int count, char** arguments) {
  std::string all;
  std::vector<Row> rows;
  for (int i = 2; i < count; ++i) {
    std::ifstream in(arguments[i], std::ios::binary);
    if (!in) return Error{Code::not_found, fmt::format("cannot read {}", arguments[i]), ""};
    std::ostringstream text;
    text << in.rdbuf();
    BOOST_OUTCOME_TRY(add_rows(text.str(), rows));
    all += text.str();
  }
  TrainOptions options;
  // More likely a contradiction than not is called one; a good third, and it is not excluded.
  options.uncertain = {.from = .35, .to = .5};
  BOOST_OUTCOME_TRY(auto trained, train(rows, options));
  trained.combination.trained_on.sha256 = sha256_hex(all);
  std::ofstream(arguments[1]) << json::write_pretty(described::to_value(trained.combination)) << "\n";
  std::cout << fmt::format("{} pairs, penalty {}, cross-validated: {}\n", rows.size(), trained.penalty,
                           described::write(trained.validated));
  return success();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: fit_combination OUT.json PAIRS.jsonl...\n";
    return 2;
  }
  if (const auto done = run(count, arguments); !done) {
    std::cerr << done.error().message << "\n";
    return 1;
  }
  return 0;
}
