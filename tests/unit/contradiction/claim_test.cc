#include "medsynth/contradiction/claim.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace medsynth::contradiction {
namespace {

std::string quote(std::string_view text, Span span) {
  return std::string(text.substr(span.begin, span.end - span.begin));
}

std::string list(const Words& words, std::string_view text) {
  std::vector<std::string> found;
  for (const Word& word : words)
    if (word.weight >= .5F) found.push_back(quote(text, word.span));
  std::sort(found.begin(), found.end());
  std::string out;
  for (const std::string& word : found) out += out.empty() ? word : "," + word;
  return out;
}

Effect only(std::string_view text) {
  const Claim claim = read_claim(text);
  EXPECT_EQ(claim.effects.size(), 1U) << text;
  return claim.effects.empty() ? Effect{} : claim.effects[0];
}

// What a sentence allows of less, none and more follows from verb, negation and what there is less of.
TEST(Claim, OutcomesFollowFromVerbAndNegation) {
  EXPECT_EQ(only("Aspirin reduces stroke.").outcomes(), kLess);
  EXPECT_EQ(only("Aspirin does not reduce stroke.").outcomes(), kNone | kMore);
  EXPECT_EQ(only("Aspirin has no effect on stroke.").outcomes(), kNone);
  EXPECT_EQ(only("Aspirin affects stroke.").outcomes(), kLess | kMore);
  EXPECT_EQ(only("Aspirin did not fail to reduce stroke.").outcomes(), kLess);
  EXPECT_EQ(only("Aspirin is associated with a reduced risk of stroke.").outcomes(), kLess);
  EXPECT_EQ(only("Aspirin is not associated with an increased risk of stroke.").outcomes(), kLess | kNone);
  EXPECT_EQ(only("Vitamin D deficiency increases stroke.").outcomes(), kLess);
  EXPECT_EQ(only("Low vitamin D increases stroke.").outcomes(), kLess);
  EXPECT_EQ(only("Aspirin prevents an increase in strokes.").outcomes(), kLess);
  EXPECT_EQ(only("It is unclear whether aspirin reduces stroke.").outcomes(), kAny);
  EXPECT_EQ(only("The reduction of stroke was not significant.").outcomes(), kNone | kMore);
  EXPECT_EQ(only("Drug X is non-inferior to drug Y.").outcomes(), kNone | kMore);
}

// Agent, outcome, comparator and setting are told apart, in active and in prepositional sentences.
TEST(Claim, SlotsAreToldApart) {
  const std::string text = "In women with diabetes, metformin lowered mortality compared with insulin.";
  const Effect effect = only(text);
  EXPECT_EQ(list(effect.agent, text), "metformin");
  EXPECT_EQ(list(effect.outcome, text), "mortality");
  EXPECT_EQ(list(effect.comparator, text), "insulin");
  EXPECT_EQ(list(effect.setting, text), "diabetes,women");
  const std::string other = "There was no reduction in mortality with metformin.";
  EXPECT_EQ(list(only(other).agent, other), "metformin");
  EXPECT_EQ(list(only(other).outcome, other), "mortality");
}

// "but not": the same effect is denied of the second thing.
TEST(Claim, ButNotDeniesTheSecondThing) {
  const std::string text = "Aspirin reduced infarction but not stroke.";
  const Claim claim = read_claim(text);
  ASSERT_EQ(claim.effects.size(), 2U);
  EXPECT_EQ(claim.effects[0].outcomes(), kLess);
  EXPECT_EQ(list(claim.effects[0].outcome, text), "infarction");
  EXPECT_EQ(claim.effects[1].outcomes(), kNone | kMore);
  EXPECT_EQ(list(claim.effects[1].outcome, text), "stroke");
}

// Evidence is where it is claimed to be.
TEST(Claim, SpansQuoteTheText) {
  const std::string text = "  Aspirin did not markedly reduce strokes.";
  const Effect effect = only(text);
  EXPECT_EQ(quote(text, effect.cue), "reduce");
  ASSERT_TRUE(effect.negation);
  EXPECT_EQ(quote(text, *effect.negation), "not");
}

// Hedges and significance are noted.
TEST(Claim, HedgesAndSignificanceAreNoted) {
  EXPECT_TRUE(only("Aspirin may reduce stroke.").hedged);
  EXPECT_FALSE(only("Aspirin reduces stroke.").hedged);
  EXPECT_TRUE(only("Aspirin did not significantly reduce stroke.").statistical);
  EXPECT_FALSE(only("Aspirin did not reduce stroke.").statistical);
}

// Numbers are known by their units.
TEST(Claim, MeasuresHaveUnits) {
  const Claim claim = read_claim("In 2019, 75 mg for 12 weeks cut risk by 20% (p < 0.05) at age 65.");
  std::vector<Unit> units;
  for (const Measure& measure : claim.measures) units.push_back(measure.unit);
  EXPECT_EQ(units, (std::vector<Unit>{Unit::year, Unit::dose, Unit::duration, Unit::percent, Unit::statistic,
                                      Unit::age}));
}

// A text of any length keeps a bounded number of effects.
TEST(Claim, EffectsAreBounded) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "Aspirin reduces stroke but ";
  EXPECT_LE(read_claim(text).effects.size(), kMaxEffects);
}

}  // namespace
}  // namespace medsynth::contradiction
