// What holds for any text at all.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/text.h"

namespace medsynth::contradiction {
namespace {

jobs::ContradictionResult judge(std::string claim1, std::string claim2) {
  jobs::DetectContradiction pair;
  pair.claim1 = std::move(claim1);
  pair.claim2 = std::move(claim2);
  pair.use_all_methods = false;
  auto result = detect(pair, {}, {});
  RC_ASSERT(result.has_value());
  return *result;
}

// Words of the kind that steer the analysis, thrown together: far more of its paths than random letters
// reach.
rc::Gen<std::string> word_salad() {
  static const std::vector<std::string> kWords{
      "aspirin",  "stroke",  "reduces",    "increased", "not",         "no",      "without", "and",
      "but",      "in",      "with",       "between",   "than",        "is",      "was",     "that",
      "women",    "low",     "effective",  "effect",    "associated",  "neither", "nor",     "may",
      "unclear",  "whether", ",",          ".",         ";",           "10",      "mg",      "%",
      "superior", "to",      "deficiency", "observed",  "significant", "it",      "by",      "mortality",
      "survival", "the",     "risk",       "of",        "patients",    "non-",    "lack",    "-"};
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kWords)),
                      [](const std::vector<std::string>& words) {
                        std::string text;
                        for (const std::string& word : words) text += word + " ";
                        return text;
                      });
}

rc::Gen<std::string> any_bytes() {
  return rc::gen::container<std::string>(rc::gen::arbitrary<char>());
}

void check_pair(const std::string& claim1, const std::string& claim2) {
  const auto result = judge(claim1, claim2), turned = judge(claim2, claim1);
  RC_ASSERT(result.contradiction_score == turned.contradiction_score);
  RC_ASSERT(result.verdict == turned.verdict);
  RC_ASSERT(result.contradiction_score >= 0 && result.contradiction_score <= 1);
  RC_ASSERT(result.is_contradiction == (result.verdict == jobs::Verdict::contradiction));
  RC_ASSERT(described::write(result) == described::write(judge(claim1, claim2)));
  for (const char* side : {"evidence1", "evidence2"})
    for (const json::value& each : result.details.at("polarity").at(side).get_array()) {
      const auto begin = each.at("begin").to_number<std::size_t>(),
                 end = each.at("end").to_number<std::size_t>();
      RC_ASSERT(begin < end && end <= code_points(side[8] == '1' ? claim1 : claim2));
      RC_ASSERT(code_points(each.at("text").as_string()) == end - begin);
    }
  // The explanation says what the verdict says.
  const auto says = [&](std::string_view part) { return result.explanation.starts_with(part); };
  RC_ASSERT(says("The claims exclude each other: ") == (result.verdict == jobs::Verdict::contradiction));
  RC_ASSERT(says("The claims can both hold: ") == (result.verdict == jobs::Verdict::no_contradiction));
  RC_ASSERT(says("It stays open ") == (result.verdict == jobs::Verdict::uncertain));
}

// Two texts of words that matter get one score in both orders, within bounds, with evidence inside the text,
// every time.
TEST(Property, WordSaladIsSymmetricBoundedAndDeterministic) {
  EXPECT_TRUE(rc::check([] { check_pair(*word_salad(), *word_salad()); }));
}

// The same of any bytes.
TEST(Property, AnyBytesAreSymmetricBoundedAndDeterministic) {
  EXPECT_TRUE(rc::check([] { check_pair(*any_bytes(), *any_bytes()); }));
}

// No text contradicts itself.
TEST(Property, NothingContradictsItself) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = *word_salad();
    RC_ASSERT(!judge(text, text).is_contradiction);
  }));
}

// Tokens lie in the text, in order, and never overlap.
TEST(Property, TokensAreOrderedParts) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = *any_bytes();
    std::size_t at = 0;
    for (const Span& sentence : sentences(text)) {
      RC_ASSERT(sentence.begin >= at && sentence.end <= text.size());
      for (const Token& token : tokens(text, sentence)) {
        RC_ASSERT(token.span.begin >= at && token.span.end > token.span.begin &&
                  token.span.end <= sentence.end);
        at = token.span.end;
      }
      at = sentence.end;
    }
  }));
}

// The longest claim that is let in, of one word, many words or no words, ends in reasonable time.
TEST(Property, LongestClaimsEnd) {
  std::string many;
  while (many.size() < jobs::kMaxTextBytes - 40) many += "Aspirin does not reduce stroke in women. ";
  for (const std::string& claim :
       {many, std::string(jobs::kMaxTextBytes, 'a'), std::string(jobs::kMaxTextBytes, '.'),
        std::string(jobs::kMaxTextBytes, '-'), std::string(jobs::kMaxTextBytes, '\xff')}) {
    jobs::DetectContradiction pair;
    pair.claim1 = claim;
    pair.claim2 = "Aspirin reduces stroke in women.";
    EXPECT_TRUE(detect(pair, {}, {}));
  }
}

}  // namespace
}  // namespace medsynth::contradiction
