#include "medsynth/contradiction/evaluate.h"

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/contradiction.h"

namespace medsynth::contradiction {
namespace {

using jobs::Verdict;

Prediction said(bool label, double score, Verdict verdict) {
  return {.contradiction = label, .score = score, .swapped = score, .verdict = verdict};
}

// Eight predictions; every figure counted by hand.
TEST(Measure, CountsByHand) {
  const std::vector<Prediction> predictions{
      said(true, .9, Verdict::contradiction),      // right
      said(true, .8, Verdict::contradiction),      // right
      said(true, .55, Verdict::uncertain),         // right at one half, not covered
      said(true, .1, Verdict::no_contradiction),   // missed
      said(false, .7, Verdict::contradiction),     // false alarm
      said(false, .45, Verdict::uncertain),        // right at one half, not covered
      said(false, .2, Verdict::no_contradiction),  // right
      said(false, .0, Verdict::no_contradiction),  // right
  };
  const Metrics metrics = measure(predictions);
  EXPECT_EQ(metrics.pairs, 8);
  EXPECT_EQ(metrics.contradictions, 4);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 6.0 / 8);
  EXPECT_DOUBLE_EQ(*metrics.precision, 3.0 / 4);
  EXPECT_DOUBLE_EQ(*metrics.recall, 3.0 / 4);
  EXPECT_DOUBLE_EQ(metrics.macro_f1, 3.0 / 4);  // both labels: 2*3 / (2*3 + 2)
  // Of 16 pairs of a contradiction and another: .9 and .8 win 4 each, .55 wins 3, .1 wins 1.
  EXPECT_DOUBLE_EQ(*metrics.auroc, 12.0 / 16);
  // Bins: .0 |0-0|, .1 |.1-1|, .2 |.2-0|, .4 |.45-0|, .5 |.55-1|, .7 |.7-0|, .8 |.8-1|, .9 |.9-1|.
  EXPECT_NEAR(metrics.ece, (.0 + .9 + .2 + .45 + .45 + .7 + .2 + .1) / 8, 1e-12);
  EXPECT_DOUBLE_EQ(metrics.coverage, 6.0 / 8);
  EXPECT_DOUBLE_EQ(*metrics.accuracy_covered, 4.0 / 6);
  EXPECT_DOUBLE_EQ(metrics.swap_consistency, 1);
  EXPECT_EQ(metrics.labelled_contradiction.uncertain, 1);
  EXPECT_EQ(metrics.labelled_contradiction.no_contradiction, 1);
  EXPECT_EQ(metrics.labelled_no_contradiction.contradiction, 1);
}

// Unequal labels: the mean of the two F1 is not that of all pairs. TP 1, FN 1, FP 0, TN 6.
TEST(Measure, MacroF1WeighsBothLabelsAlike) {
  std::vector<Prediction> predictions(6, said(false, .1, Verdict::no_contradiction));
  predictions.push_back(said(true, .9, Verdict::contradiction));
  predictions.push_back(said(true, .1, Verdict::no_contradiction));
  EXPECT_DOUBLE_EQ(measure(predictions).macro_f1, (2.0 / 3 + 12.0 / 13) / 2);
}

// Equal scores say nothing about the order; one half itself is no contradiction.
TEST(Measure, TiesCountHalf) {
  const std::vector<Prediction> predictions{said(true, .5, Verdict::uncertain),
                                            said(false, .5, Verdict::uncertain)};
  const Metrics metrics = measure(predictions);
  EXPECT_DOUBLE_EQ(*metrics.auroc, .5);
  EXPECT_DOUBLE_EQ(metrics.accuracy, .5);
  EXPECT_DOUBLE_EQ(metrics.coverage, 0);
  EXPECT_FALSE(metrics.accuracy_covered);
  EXPECT_FALSE(metrics.precision);
}

// With one label only there is no AUROC and no recall; of nothing there is nothing.
TEST(Measure, WhatCannotBeCountedIsAbsent) {
  const std::vector<Prediction> predictions{said(false, .1, Verdict::no_contradiction)};
  EXPECT_FALSE(measure(predictions).auroc);
  EXPECT_FALSE(measure(predictions).recall);
  EXPECT_DOUBLE_EQ(measure(predictions).macro_f1, 1);
  EXPECT_EQ(measure({}).pairs, 0);
}

// A score that depends on the order is counted, however small the difference.
TEST(Measure, SwapConsistencyIsExact) {
  std::vector<Prediction> predictions(4, said(true, .9, Verdict::contradiction));
  predictions[2].swapped += 1e-15;
  EXPECT_DOUBLE_EQ(measure(predictions).swap_consistency, 3.0 / 4);
}

std::vector<LabelledPair> pairs() {
  return {{"a", "yes", Label::contradiction, "1", "first"},
          {"b", "no", Label::no_contradiction, "2", "first"},
          {"c", "no", Label::contradiction, "3", "second"}};
}

// Says "yes" of pairs that have the claim "yes"; one method for all, one for some.
Result<jobs::ContradictionResult> judge(const jobs::DetectContradiction& pair) {
  jobs::ContradictionResult result;
  const bool yes = pair.claim1 == "yes" || pair.claim2 == "yes";
  result.contradiction_score = yes ? .9 : .1;
  result.verdict = yes ? Verdict::contradiction : Verdict::no_contradiction;
  result.details["polarity"] = json::object{{"score", yes ? .7 : .5}};
  if (!yes) result.details["temporal"] = json::object{{"score", .2}};
  result.details["embedding_similarity"] = json::object{{"score", .99}};
  result.details["combination"] = json::object{{"score", .9}, {"features", json::object()}};
  return result;
}

// Together at the top, each method by itself, each category by itself.
TEST(Evaluate, TogetherByMethodAndByCategory) {
  std::vector<double> progress;
  const auto evaluation = evaluate(pairs(), judge, [&](double part) { progress.push_back(part); });
  ASSERT_TRUE(evaluation);
  EXPECT_DOUBLE_EQ(evaluation->accuracy, 2.0 / 3);
  EXPECT_DOUBLE_EQ(evaluation->coverage, 1);
  EXPECT_DOUBLE_EQ(evaluation->swap_consistency, 1);
  ASSERT_EQ(evaluation->methods.size(), 2U);
  EXPECT_DOUBLE_EQ(evaluation->methods.at("polarity").coverage, 1.0 / 3);
  EXPECT_DOUBLE_EQ(evaluation->methods.at("polarity").accuracy, 2.0 / 3);
  EXPECT_EQ(evaluation->methods.at("temporal").pairs, 3);
  EXPECT_DOUBLE_EQ(evaluation->methods.at("temporal").coverage, 2.0 / 3);
  EXPECT_DOUBLE_EQ(evaluation->categories.at("first").accuracy, 1);
  EXPECT_DOUBLE_EQ(evaluation->categories.at("second").accuracy, 0);
  EXPECT_EQ(progress.size(), 3U);
  EXPECT_DOUBLE_EQ(progress.back(), 1);
  const auto written = described::to_value(*evaluation).get_object();
  EXPECT_DOUBLE_EQ(written.at("accuracy").as_double(), 2.0 / 3);
}

// The real judge: right on what is clear, the same both ways round.
TEST(Evaluate, TheAnalysisItself) {
  const std::vector<LabelledPair> clear{
      {"Aspirin reduces stroke.", "Aspirin does not reduce stroke.", Label::contradiction, "", ""},
      {"Aspirin reduces stroke.", "Aspirin lowers the risk of stroke.", Label::no_contradiction, "", ""}};
  const auto evaluation =
      evaluate(clear, [](const jobs::DetectContradiction& pair) { return detect(pair, {}, {}); }, {});
  ASSERT_TRUE(evaluation);
  EXPECT_DOUBLE_EQ(evaluation->accuracy, 1);
  EXPECT_DOUBLE_EQ(evaluation->swap_consistency, 1);
  EXPECT_TRUE(evaluation->methods.contains("polarity"));
  EXPECT_TRUE(evaluation->categories.empty());
}

// The judge's error ends it.
TEST(Evaluate, PassesErrorsOn) {
  const auto evaluation = evaluate(
      pairs(),
      [](const auto&) -> Result<jobs::ContradictionResult> { return Error{Code::timeout, "late", ""}; }, {});
  ASSERT_FALSE(evaluation);
  EXPECT_EQ(evaluation.error().code, Code::timeout);
}

}  // namespace
}  // namespace medsynth::contradiction
