#include "medsynth/contradiction/calibrate.h"

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/language_model.h"

#include "unit/contradiction/fake_model.h"

namespace medsynth::contradiction {
namespace {

std::vector<LabelledPair> pairs() {
  std::vector<LabelledPair> out;
  for (int i = 0; i < 20; ++i) {
    const std::string drug = "Substance" + std::to_string(i);
    out.push_back(
        {drug + " reduces stroke.", drug + " does not reduce stroke.", Label::contradiction, "", ""});
    out.push_back({drug + " reduces stroke.", drug + " lowers stroke.", Label::no_contradiction, "", ""});
  }
  return out;
}

Judge judge_with(const LanguageModel& models) {
  return [=](const jobs::DetectContradiction& pair) { return detect(pair, models, {}); };
}

// Pairs in, weights out: they name the data, are read back as they were, and answer for any model.
TEST(Calibrate, FitsAndIsReadBack) {
  std::vector<double> progress;
  const auto calibration = calibrate(pairs(), judge_with({.combination = &probing_combination()}), "digest",
                                     [&](double part) { progress.push_back(part); });
  ASSERT_TRUE(calibration);
  EXPECT_EQ(calibration->combination.trained_on.pairs, 40);
  EXPECT_EQ(calibration->combination.trained_on.sha256, "digest");
  EXPECT_TRUE(calibration->models.empty());
  EXPECT_GE(calibration->validated.accuracy, .99);
  EXPECT_EQ(progress.size(), 40U);
  const auto read = read_calibration(described::write(*calibration));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->combination.weights, calibration->combination.weights);
  EXPECT_TRUE(fits(*read, {}));
}

// The result of a verdict says whose weights answered.
TEST(Calibrate, TheResultNamesTheData) {
  const auto calibration =
      calibrate(pairs(), judge_with({.combination = &probing_combination()}), "digest", {});
  ASSERT_TRUE(calibration);
  jobs::DetectContradiction pair;
  pair.claim1 = "Aspirin reduces stroke.";
  pair.claim2 = "Aspirin does not reduce stroke.";
  const auto result = detect(pair, {.combination = &calibration->combination}, {});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->calibrated);
  EXPECT_TRUE(result->is_contradiction);
  EXPECT_EQ(result->details.at("combination").at("trained_on").at("sha256").as_string(), "digest");
}

// A language model that knows: its answers get weight, and such weights are for that file and wording only.
TEST(Calibrate, RestsOnTheModelThatAnswered) {
  FakeModel model;
  model.yes_of = [](const std::string& prompt) {
    return prompt.find("does not") == std::string::npos ? .2 : .8;
  };
  const auto calibration =
      calibrate(pairs(), judge_with({.model = &model, .combination = &probing_combination()}), "digest", {});
  ASSERT_TRUE(calibration);
  ASSERT_EQ(calibration->models.size(), 1U);
  EXPECT_EQ(calibration->models[0].method, "language_model");
  EXPECT_EQ(calibration->models[0].digest, "d1");
  EXPECT_EQ(calibration->models[0].prompt_template, prompt_template().version);
  EXPECT_GT(calibration->combination.weights.at("language_model"), 0);
  ASSERT_TRUE(calibration->combination.trained_on.language_model);
  EXPECT_TRUE(calibration->combination.trained_on.language_model->own);
  EXPECT_TRUE(fits(*calibration, {.model = &model}));
  EXPECT_FALSE(fits(*calibration, {}));
  Calibration other = *calibration;
  other.models[0].prompt_template = "another-wording";
  EXPECT_FALSE(fits(other, {.model = &model}));
  model.info_.digest = "d2";
  EXPECT_FALSE(fits(*calibration, {.model = &model}));
}

// Answers of the demo model get no weight.
TEST(Calibrate, TheDemoModelDoesNotCount) {
  FakeModel model;
  const auto calibration = calibrate(
      pairs(), judge_with({.model = &model, .demo = true, .combination = &probing_combination()}), "", {});
  ASSERT_TRUE(calibration);
  EXPECT_TRUE(calibration->models.empty());
  EXPECT_FALSE(calibration->combination.weights.contains("language_model"));
}

// Too few pairs of a label, a damaged file: said.
TEST(Calibrate, Refuses) {
  auto few = pairs();
  few.resize(6);
  EXPECT_EQ(calibrate(few, judge_with({.combination = &probing_combination()}), "", {}).error().code,
            Code::invalid_argument);
  EXPECT_FALSE(read_calibration("{}"));
  EXPECT_FALSE(read_calibration(R"({"combination":{"intercept":0,"weights":{"nonsense":1}}})"));
}

}  // namespace
}  // namespace medsynth::contradiction
