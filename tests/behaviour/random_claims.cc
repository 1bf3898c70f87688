// Texts nobody would write: random_claims COUNT SEED. Bytes, words of the pairs thrown together, cut and
// doubled pairs, judged as pairs and as articles. Ends with 1 when a result is not within bounds, not the same
// the other way round, or points outside its text.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>

#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/text.h"

#include "../behaviour/pairs_file.h"

namespace {

using namespace medsynth;

class Texts {
 public:
  explicit Texts(unsigned seed) : random_(seed) {
    for (const auto& pair : behaviour::read_pairs("tests/behaviour/groups.jsonl"))
      for (const std::string& claim : {pair.claim1, pair.claim2}) claims_.push_back(claim);
    for (const std::string& claim : claims_)
      for (std::size_t at = 0; at < claim.size();) {
        const std::size_t end = std::min(claim.find(' ', at), claim.size());
        words_.push_back(claim.substr(at, end - at));
        at = end + 1;
      }
  }

  std::string next() {
    std::string text;
    switch (random_() % 4) {
      case 0:
        for (std::size_t i = random_() % 80; i > 0; --i) text.push_back(static_cast<char>(random_() % 256));
        return text;
      case 1:
        for (std::size_t i = random_() % 40; i > 0; --i) text += any(words_) + " ";
        return text;
      case 2:
        text = any(claims_);
        for (std::size_t i = random_() % 6; i > 0 && !text.empty(); --i)
          text[random_() % text.size()] = static_cast<char>(random_() % 256);
        return text;
      default:
        text = any(claims_);
        text.resize(random_() % (text.size() + 1));
        return text + any(claims_).substr(0, random_() % 60);
    }
  }

 private:
  const std::string& any(const std::vector<std::string>& of) { return of[random_() % of.size()]; }

  std::mt19937 random_;
  std::vector<std::string> claims_, words_;
};

// Does the evidence quote the claim, at the code points that it names?
bool inside(const jobs::ContradictionResult& result, const char* side, const std::string& claim) {
  for (const auto& [method, details] : result.details) {
    const json::value* evidence = details.get_object().if_contains(side);
    if (!evidence) continue;
    for (const json::value& each : evidence->get_array()) {
      const auto begin = each.at("begin").to_number<std::size_t>(),
                 end = each.at("end").to_number<std::size_t>();
      if (begin >= end || end > contradiction::code_points(claim)) return false;
      const std::string_view text = each.at("text").as_string();
      bool there = false;
      for (std::size_t at = claim.find(text); at != claim.npos && !there; at = claim.find(text, at + 1))
        there = contradiction::code_points(std::string_view(claim).substr(0, at)) == begin;
      if (!there) return false;
    }
  }
  return true;
}

// Does the explanation say what the verdict says?
bool explained(const jobs::ContradictionResult& result) {
  switch (result.verdict) {
    case jobs::Verdict::contradiction:
      return result.explanation.starts_with("The claims exclude each other: ");
    case jobs::Verdict::no_contradiction:
      return result.explanation.starts_with("The claims can both hold: ");
    case jobs::Verdict::uncertain:
      return result.explanation.starts_with("It stays open ");
  }
  return false;
}

// As claims of two articles, and as the abstract of the second: the same both ways, within bounds, and each
// quote within its sentence.
bool found_alike(const std::string& claim1, const std::string& claim2) {
  for (const bool abstract : {false, true}) {
    std::vector<jobs::Article> articles(2);
    articles[0].claims = std::vector<std::string>{claim1};
    if (abstract)
      articles[1].abstract = claim2;
    else
      articles[1].claims = std::vector<std::string>{claim2};
    jobs::AnalyzeArticles asked, turned;
    asked.threshold = turned.threshold = 0;
    asked.articles = articles;
    turned.articles = {articles[1], articles[0]};
    const auto result = contradiction::analyze(asked, {}, {}), other = contradiction::analyze(turned, {}, {});
    if (!result || !other || result->contradictions.size() != other->contradictions.size()) return false;
    for (std::size_t i = 0; i < result->contradictions.size(); ++i) {
      const jobs::FoundContradiction& found = result->contradictions[i];
      if (!(found.contradiction_score >= 0 && found.contradiction_score <= 1)) return false;
      if (found.contradiction_score != other->contradictions[i].contradiction_score) return false;
      for (const jobs::ArticleClaim* side : {&found.claim1, &found.claim2})
        for (const jobs::EvidenceSpan& each : side->evidence)
          if (each.begin < 0 || each.begin >= each.end ||
              each.end > static_cast<std::int64_t>(contradiction::code_points(side->claim)))
            return false;
    }
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  const long wanted = count > 1 ? std::atol(arguments[1]) : 1000;
  Texts texts(count > 2 ? static_cast<unsigned>(std::atoi(arguments[2])) : 1);
  for (long i = 0; i < wanted; ++i) {
    jobs::DetectContradiction pair, turned;
    pair.claim1 = turned.claim2 = texts.next();
    pair.claim2 = turned.claim1 = texts.next();
    const auto result = contradiction::detect(pair, {}, {}), other = contradiction::detect(turned, {}, {});
    const bool good =
        result && other && result->contradiction_score >= 0 && result->contradiction_score <= 1 &&
        result->contradiction_score == other->contradiction_score &&
        inside(*result, "evidence1", pair.claim1) && inside(*result, "evidence2", pair.claim2) &&
        explained(*result) && found_alike(pair.claim1, pair.claim2);
    if (good) continue;
    std::cerr << "pair " << i << ":\n"
              << json::write_string(pair.claim1) << "\n"
              << json::write_string(pair.claim2) << "\n";
    return 1;
  }
  std::cout << wanted << " pairs\n";
  return 0;
}
