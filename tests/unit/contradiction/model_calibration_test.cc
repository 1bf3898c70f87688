#include "medsynth/contradiction/model_calibration.h"

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/language_model.h"
#include "medsynth/contradiction/pairs_file.h"

#include "unit/contradiction/fake_model.h"

namespace medsynth::contradiction {
namespace {

std::vector<LabelledPair> built_in_pairs() {
  return *read_pairs(model_pairs(), Format::jsonl);
}

Result<ModelCalibration> calibrated(FakeModel& model) {
  return calibrate_model(
      [&](const jobs::DetectContradiction& pair) {
        return detect(pair, {.model = &model, .combination = &probing_combination()}, {});
      },
      {});
}

// A model that knows the labels of pairs of a category, and of the others nothing.
void know(FakeModel& model, const std::string& category) {
  model.yes_of = [=, pairs = built_in_pairs()](const std::string& prompt) {
    const std::string asked = prompt.substr(prompt.rfind("Finding 1:"));
    for (const LabelledPair& each : pairs)
      if (each.category == category && asked.find(each.claim1) != std::string::npos &&
          asked.find(each.claim2) != std::string::npos)
        return each.label == Label::contradiction ? .9 : .1;
    return .5;
  };
}

// A model that knows findings gets weight there and none on claims against evidence, and the other way round;
// the weights that follow count it so.
TEST(ModelCalibration, CountsWhereItHelps) {
  for (const bool findings : {true, false}) {
    FakeModel model;
    know(model, findings ? "findings" : "claim_and_evidence");
    const auto measured = calibrated(model);
    ASSERT_TRUE(measured) << measured.error().message;
    ASSERT_EQ(measured->skills.size(), 2U);
    const ModelSkill &knows = measured->skills[findings ? 0 : 1],
                     &guesses = measured->skills[findings ? 1 : 0];
    EXPECT_GT(knows.weight, 0);
    EXPECT_GT(knows.auroc, .9);
    EXPECT_GT(knows.auroc_together, knows.auroc_without);
    EXPECT_EQ(guesses.weight, 0);
    EXPECT_EQ(measured->model.digest, "d1");
    EXPECT_EQ(measured->model.prompt_template, prompt_template().version);
    const Combination weights = with_model(built_in_combination(), *measured);
    EXPECT_EQ(weights.weights.at("language_model") > 0, findings);
    EXPECT_EQ(weights.weights.at("language_model") + weights.weights.at("evidence_language_model") > 0,
              !findings);
    EXPECT_EQ(weights.trained_on.pairs, built_in_combination().trained_on.pairs);
    EXPECT_FALSE(weights.trained_on.language_model->own);
  }
}

// An entailment model has a weight of its own, which leaves that of a language model alone.
TEST(ModelCalibration, EntailmentCountsByItself) {
  FakeModel model;
  model.opposed_of = [pairs = built_in_pairs()](const std::string& premise, const std::string& hypothesis) {
    for (const LabelledPair& each : pairs)
      if ((each.claim1 == premise && each.claim2 == hypothesis) ||
          (each.claim2 == premise && each.claim1 == hypothesis))
        return each.label == Label::contradiction ? .9 : .1;
    return .5;
  };
  const auto measured = calibrate_model(
      [&](const jobs::DetectContradiction& pair) {
        return detect(pair, {.entailment_model = &model, .combination = &probing_combination()}, {});
      },
      {});
  ASSERT_TRUE(measured) << measured.error().message;
  EXPECT_EQ(measured->model.method, "entailment");
  EXPECT_EQ(measured->model.prompt_template, wording_of("entailment"));
  EXPECT_GT(measured->of(PairKind::findings).auroc, .9);
  const Combination weights = with_model(built_in_combination(), *measured);
  EXPECT_GT(weights.weights.at("entailment"), 0);
  EXPECT_FALSE(weights.weights.contains("language_model"));
  EXPECT_TRUE(weights.trained_on.entailment.has_value());
  EXPECT_FALSE(weights.trained_on.language_model.has_value());
}

// A model that answers by chance, or always the same, has no weight anywhere.
TEST(ModelCalibration, ChanceCountsNothing) {
  FakeModel model;
  model.yes_of = [](const std::string& prompt) {
    return .2 + .6 * static_cast<double>(prompt.size() % 7) / 7;
  };
  const auto guessing = calibrated(model);
  ASSERT_TRUE(guessing);
  model.yes_of = [](const std::string& prompt) { return prompt.find("N/A") == std::string::npos ? .8 : .5; };
  const auto same = calibrated(model);
  ASSERT_TRUE(same);
  for (const auto* each : {&*guessing, &*same})
    for (const ModelSkill& skill : each->skills) EXPECT_EQ(skill.weight, 0);
}

// A model that is wrong is not believed the other way round.
TEST(ModelCalibration, BelowChanceCountsNothing) {
  FakeModel model;
  know(model, "findings");
  model.yes_of = [right = model.yes_of](const std::string& prompt) { return 1 - right(prompt); };
  const auto measured = calibrated(model);
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->skills[0].weight, 0);
}

// One that does not answer with the three words is refused; its calibration is read back as it was written.
TEST(ModelCalibration, RefusesAndIsReadBack) {
  FakeModel model;
  model.label_mass = .01;
  EXPECT_EQ(calibrated(model).error().reason, "model_does_not_answer");
  model.label_mass = .9;
  const auto measured = calibrated(model);
  ASSERT_TRUE(measured);
  const auto read = read_model_calibration(described::write(*measured));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->skills[1].pairs, measured->skills[1].pairs);
  EXPECT_EQ(read->trained_on.sha256, measured->trained_on.sha256);
  EXPECT_FALSE(read_model_calibration("{}"));
}

// The pairs have both labels in both kinds, and those that are one kind by their label are so by their length.
TEST(ModelCalibration, ThePairsAreOfBothKinds) {
  FakeModel model;
  const auto measured = calibrated(model);
  ASSERT_TRUE(measured);
  for (const ModelSkill& each : measured->skills) EXPECT_GE(each.pairs, 30);
}

}  // namespace
}  // namespace medsynth::contradiction
