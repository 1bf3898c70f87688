// The methods statistical and temporal, the assertion status of words, and the numbers they read.
#include <gtest/gtest.h>

#include "medsynth/contradiction/judge.h"
#include "medsynth/contradiction/readings.h"

namespace medsynth::contradiction {
namespace {

struct Pair {
  std::string text1, text2;
  Claim claim1 = read_claim(text1), claim2 = read_claim(text2);
  Sides sides() const { return {claim1, text1, claim2, text2}; }
};

double statistical(const std::string& one, const std::string& two, double about = 1) {
  const Pair pair{one, two};
  return compare_statistics(pair.sides(), about).score;
}
double temporal(const std::string& one, const std::string& two) {
  const Pair pair{one, two};
  return compare_times(pair.sides(), 1).score;
}

Quantities numbers_of(const std::string& text) {
  return read_claim(text).numbers;
}

const Word* word(const Claim& claim, const std::string& text, std::string_view wanted) {
  for (const Word& each : claim.words)
    if (text.substr(each.span.begin, each.span.end - each.span.begin) == wanted) return &each;
  return nullptr;
}

// Each usual way to write a ratio with its interval gives value and bounds.
TEST(Quantities, ReadsEstimates) {
  for (const char* text :
       {"(HR 0.74, 95% CI 0.60-0.91)", "hazard ratio, 0.74; 95% CI, 0.60 to 0.91",
        "odds ratio 0.74 (0.60 to 0.91)", "RR = 0.74 [95% confidence interval 0.60, 0.91]"}) {
    const Quantities numbers = numbers_of(text);
    ASSERT_EQ(numbers.estimates.size(), 1U) << text;
    EXPECT_DOUBLE_EQ(numbers.estimates[0].value, .74) << text;
    EXPECT_EQ(numbers.estimates[0].low, .60) << text;
    EXPECT_EQ(numbers.estimates[0].high, .91) << text;
    EXPECT_EQ(numbers.estimates[0].significant(), true) << text;
  }
  const Quantities difference = numbers_of("mean difference -0.3 days (95% CI -1.1 to 0.5)");
  ASSERT_EQ(difference.estimates.size(), 1U);
  EXPECT_DOUBLE_EQ(difference.estimates[0].value, -.3);
  EXPECT_EQ(difference.estimates[0].significant(), false);
  EXPECT_TRUE(numbers_of("Aspirin or placebo 5 times").estimates.empty());
}

// p-values with any sign; "p > 0.05" is none.
TEST(Quantities, ReadsPValues) {
  EXPECT_TRUE(numbers_of("(P < 0.001)").p_values.at(0).significant());
  EXPECT_TRUE(numbers_of("p=0.03").p_values.at(0).significant());
  EXPECT_FALSE(numbers_of("P = 0.41").p_values.at(0).significant());
  EXPECT_FALSE(numbers_of("p > 0.05").p_values.at(0).significant());
}

// Words around a number make it a bound.
TEST(Quantities, ReadsBounds) {
  const auto one = [](const char* text) { return numbers_of(text).quantities.at(0); };
  EXPECT_EQ(one("more than 80% of users").high, 100);
  EXPECT_EQ(one("fewer than 5% of patients").low, 0);
  EXPECT_EQ(one("more than half of them").low, 50);
  EXPECT_EQ(one("12 of 60 participants").low, 20);
  EXPECT_EQ(one("2/50 had pain").low, 4);
  EXPECT_EQ(one("two years").low, 24);
  EXPECT_EQ(one("in 1980").kind, Kind::year);
  EXPECT_EQ(one("one in five patients").low, 20);
  EXPECT_EQ(numbers_of("14 to 21 days").quantities.size(), 1U);
}

// Opposite sides of none and intervals apart are contradictions, agreeing estimates are not, and numbers
// about something else are not compared.
TEST(Statistical, ComparesEstimates) {
  EXPECT_GT(statistical("HR 0.74 (0.60-0.91)", "HR 1.35 (1.10-1.66)"), .9);
  EXPECT_GT(statistical("OR 1.2 (1.1-1.3)", "OR 2.4 (2.0-2.9)"), .8);
  EXPECT_GT(statistical("OR 1.4 (1.1-1.8)", "OR 1.05 (0.9-1.2)"), .6);
  EXPECT_LT(statistical("RR 0.68 (0.52-0.88)", "RR 0.71 (0.55-0.92)"), .5);
  EXPECT_EQ(statistical("HR 0.74 (0.60-0.91)", "HR 1.35 (1.10-1.66)", .3), .5);
}

// Two arms with a number each say what the treatment did, whichever arm stands first and wherever the
// outcome.
TEST(Arms, SayWhatTheTreatmentDid) {
  const auto outcomes = [](const char* text) {
    const Claim claim = read_claim(text);
    return claim.effects.empty() ? kAny : claim.effects.back().outcomes();
  };
  EXPECT_EQ(outcomes("Pneumonia occurred in 8% of patients on zinc and in 15% of those on placebo."), kLess);
  EXPECT_EQ(outcomes("Pneumonia occurred in 15% of patients on placebo and in 8% of those on zinc."), kLess);
  EXPECT_EQ(outcomes("At 12 months, pain was 8.4 cm in the zinc group and 2.1 cm in the control group."),
            kMore);
  EXPECT_EQ(outcomes("By day 90, 18.6% of the zinc group and 18.8% of the placebo group had died."), kNone);
}

// Shares that cannot both be right; the evidence quotes them.
TEST(Statistical, ComparesSharesWithEvidence) {
  const Pair pair{"The prevalence was 8%.", "The prevalence was 31%."};
  const Comparison comparison = compare_statistics(pair.sides(), 1);
  EXPECT_GT(comparison.score, .7);
  ASSERT_EQ(comparison.evidence.size(), 1U);
  EXPECT_EQ(pair.text1.substr(comparison.evidence[0].first.begin, 1), "8");
  EXPECT_NE(explain(comparison, pair.sides()).find("\"31\""), std::string::npos);
  EXPECT_LT(statistical("More than 80% developed tolerance.", "Tolerance developed in 88%."), .5);
  EXPECT_GT(statistical("Fewer than 5% had events.", "Events occurred in 42%."), .7);
}

// One date or duration against another; periods of different length say nothing by themselves.
TEST(Temporal, ComparesDatesAndDurations) {
  EXPECT_GT(temporal("Smallpox was eradicated in 1980.", "Smallpox was eradicated in 1995."), .7);
  EXPECT_LT(temporal("Median survival was 24 months.", "Median survival was two years."), .5);
  EXPECT_GT(temporal("Median survival was 6 months.", "Median survival was 24 months."), .6);
  EXPECT_GT(temporal("Aspirin is no longer recommended.", "Aspirin is recommended."), .5);
  EXPECT_EQ(temporal("Mortality fell from 1990 to 2000.", "Mortality fell from 2001 to 2010."), .5);
}

// A denial reaches over a list and ends with its clause; family, past and question are told apart.
TEST(Scopes, FollowTriggersToTheirEnd) {
  std::string text = "She denies chest pain, cough or palpitations but has nausea.";
  Claim claim = read_claim(text);
  EXPECT_TRUE(word(claim, text, "cough")->denied);
  EXPECT_TRUE(word(claim, text, "palpitations")->denied);
  EXPECT_FALSE(word(claim, text, "nausea")->denied);
  text = "His mother had asthma.";
  EXPECT_TRUE(word(read_claim(text), text, "asthma")->of_family);
  text = "CT was negative for hemorrhage.";
  EXPECT_TRUE(word(read_claim(text), text, "hemorrhage")->denied);
  text = "Does zinc prevent pneumonia?";
  EXPECT_TRUE(word(read_claim(text), text, "pneumonia")->hypothetical);
}

// A reading far from the limits asserts its condition, a normal one denies it, one between says nothing.
TEST(Readings, SayWhatTheyMean) {
  const auto about = [](const std::string& text, std::string_view condition) {
    Words words;
    for (const Span& sentence : sentences(text)) add_readings(tokens(text, sentence), words);
    for (const Word& each : words)
      if (each.concept_id == concept_of(condition)) return each.denied ? -1 : 1;
    return 0;
  };
  EXPECT_EQ(about("Temp 39.4 C", "fever"), 1);
  EXPECT_EQ(about("temperature of 98.6", "fever"), -1);
  EXPECT_EQ(about("BP 82/40", "hypotension"), 1);
  EXPECT_EQ(about("heart rate in the 140s", "tachycardia"), 1);
  EXPECT_EQ(about("hemoglobin was 14.2", "anemia"), -1);
  EXPECT_EQ(about("hemoglobin was 12.0", "anemia"), 0);
  EXPECT_EQ(about("born at 28 weeks gestation", "preterm_birth"), 1);
  EXPECT_EQ(about("She delivered a boy at 39 weeks and 4 days", "preterm_birth"), -1);
  EXPECT_EQ(about("creatinine was 3.1", "renal_function"), 1);
}

// What is asserted in one note and denied or excluded in the other is a contradiction with its evidence.
TEST(Judge, NotesWithoutEffects) {
  const auto score = [](const char* one, const char* two) {
    const Pair pair{one, two};
    return score_of(judge(pair.sides()), built_in_combination());
  };
  EXPECT_GT(score("The patient has chest pain.", "She denies chest pain or palpitations."), .5);
  EXPECT_GT(score("The patient is febrile.", "The patient was afebrile."), .5);
  EXPECT_LT(score("The patient has no fever.", "The patient was afebrile."), .5);
  EXPECT_LT(score("The patient has no asthma.", "The patient's brother has asthma."), .5);
  EXPECT_LT(score("The left kidney was not enlarged.", "The right kidney was enlarged."), .5);
}

}  // namespace
}  // namespace medsynth::contradiction
