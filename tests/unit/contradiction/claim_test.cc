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

// What stands behind "was lower in", "was reduced by", "fell in" is the agent, what stood before the outcome.
TEST(Claim, ArmsMayStandBehindTheEffect) {
  for (const char* each : {"Mortality was lower with aspirin.", "Mortality was reduced by aspirin.",
                           "Mortality was significantly lower in aspirin users than in controls.",
                           "Mortality fell by 3 % with aspirin."}) {
    const std::string text = each;
    const Effect effect = only(text);
    EXPECT_EQ(list(effect.outcome, text), "Mortality") << text;
    EXPECT_EQ(list(effect.agent, text).find("aspirin"), 0U) << text;
    EXPECT_EQ(effect.outcomes(), kLess) << text;
  }
}

// "The mortality of patients with X was higher than that of patients with Y": X against Y.
TEST(Claim, ComparedPeopleAreTheAgent) {
  const std::string text =
      "The mortality of patients with sepsis was higher than that of patients with asthma.";
  const Effect effect = only(text);
  EXPECT_EQ(list(effect.agent, text), "sepsis");
  EXPECT_EQ(list(effect.outcome, text), "mortality");
  EXPECT_EQ(list(effect.comparator, text), "asthma");
}

// A denial that says whom something is compared with denies nothing; after a conjunction it does.
TEST(Claim, DenialsInComparatorsDenyNothing) {
  EXPECT_EQ(only("Honey lowered pain more than no treatment.").negated, false);
  EXPECT_EQ(only("Drinkers had a lower risk of stroke than people who did not drink coffee.").outcomes(),
            kLess);
  const Claim claim = read_claim("Aspirin was superior to placebo and did not increase bleeding.");
  ASSERT_EQ(claim.effects.size(), 2U);
  EXPECT_TRUE(claim.effects[1].negated);
}

// "between A and B": agent and outcome of an association.
TEST(Claim, AssociationsHaveTwoSides) {
  const std::string text = "There is an association between coffee and stroke.";
  EXPECT_EQ(list(only(text).agent, text), "coffee");
  EXPECT_EQ(list(only(text).outcome, text), "stroke");
}

// What happens where something is lacking is its doing the other way round.
TEST(Claim, LackOfSomethingShowsWhatItDoes) {
  const std::string text = "Interleukin-10-deficient mice developed colitis.";
  EXPECT_EQ(only(text).outcomes(), kLess);
  EXPECT_EQ(list(only(text).outcome, text), "colitis");
  EXPECT_EQ(only("Glucose-lowering drugs increase mortality.").outcomes(), kLess);
  EXPECT_EQ(only("Inhibitors of kinase promote apoptosis.").outcomes(), kLess);
}

// Names of quantities and bounds of numbers are no effects.
TEST(Claim, SomeWordsOnlyDescribe) {
  EXPECT_TRUE(read_claim("More than half had pain.").effects.empty());
  EXPECT_TRUE(read_claim("People at high risk were studied.").effects.empty());
  EXPECT_EQ(only("Zinc did not affect the rate of decline.").outcomes(), kNone);
}

// What was thought before does not count beside what was found.
TEST(Claim, FindingsCountBeforeBackground) {
  const Effect effect = only(
      "Previous studies suggested that fish oil prevents arrhythmia. In this trial, fish oil did not reduce "
      "arrhythmia.");
  EXPECT_EQ(effect.outcomes(), kNone | kMore);
  EXPECT_EQ(only("Previous studies suggested that fish oil prevents arrhythmia.").outcomes(), kLess);
}

// A label makes another thing of the same kind.
TEST(Claim, LabelsTellThingsApart) {
  const auto common = [](const char* one, const char* two) {
    const Words a = read_claim(one).words, b = read_claim(two).words;
    return std::any_of(a.begin(), a.end(), [&](const Word& word) {
      return word.weight >= .5F && std::any_of(b.begin(), b.end(), [&](const Word& other) {
               return other.concept_id == word.concept_id;
             });
    });
  };
  EXPECT_TRUE(common("hepatitis B", "hepatitis B"));
  EXPECT_FALSE(common("hepatitis A", "hepatitis B"));
  EXPECT_FALSE(common("cohort 1", "cohort 2"));
}

}  // namespace
}  // namespace medsynth::contradiction
