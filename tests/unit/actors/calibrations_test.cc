#include "medsynth/actors/calibrations.h"

#include <fstream>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"
#include "medsynth/contradiction/language_model.h"

#include "unit/contradiction/fake_model.h"

namespace medsynth::actors {
namespace {

namespace fs = std::filesystem;
using contradiction::Calibration;
using contradiction::FakeModel;
using contradiction::LanguageModel;
using contradiction::ModelCalibration;
using contradiction::PairKind;

struct CalibrationsTest : testing::Test {
  fs::path folder = fs::canonical(testing::TempDir()) / new_uuid();
  fs::path file = folder / "model.gguf";
  FakeModel model;
  CalibrationsTest() { fs::create_directories(folder); }
  ~CalibrationsTest() override { fs::remove_all(folder); }

  contradiction::CalibratedModel this_model() const {
    return {"language_model", "fake", "d1", contradiction::prompt_template().version};
  }
  // What the built-in pairs say of the model.
  ModelCalibration measured() const {
    return {.model = this_model(),
            .trained_on = {.pairs = 116, .sha256 = "built-in"},
            .skills = {{.kind = PairKind::findings, .weight = .5, .centre = 1}}};
  }
  Calibration own(double weight, bool with_model) const {
    Calibration calibration;
    calibration.combination.weights = {{"opposed", weight}};
    calibration.combination.trained_on.pairs = 300;
    if (!with_model) return calibration;
    calibration.models = {this_model()};
    calibration.combination.trained_on.language_model = contradiction::ModelTrainedOn{300, "own", true};
    return calibration;
  }
  Calibration found(const LanguageModel& answering) const {
    const auto calibration = find_calibration(folder, file, answering);
    EXPECT_TRUE(calibration && *calibration);
    return calibration && *calibration ? **calibration : Calibration();
  }
};

// Nothing is kept: the built-in weights answer, and the model is not calibrated.
TEST_F(CalibrationsTest, None) {
  EXPECT_FALSE(*find_calibration(folder, file, {.model = &model}));
  EXPECT_EQ(calibration_of(folder, file, "d1"), "none");
}

// A model that was measured counts beside the built-in weights, for its digest only; never a demo model, and
// not where no model answers.
TEST_F(CalibrationsTest, AMeasuredModelCounts) {
  ASSERT_TRUE(write_calibration(model_calibration_file(folder, "d1"), measured()));
  const Calibration calibration = found({.model = &model});
  EXPECT_EQ(calibration.combination.weights.at("language_model"), .5);
  EXPECT_EQ(calibration.combination.weights.at("language_model_used"), -.5);
  EXPECT_EQ(calibration.combination.trained_on.pairs, contradiction::built_in_combination().trained_on.pairs);
  EXPECT_EQ(calibration_of(folder, file, "d1"), "built_in");
  EXPECT_EQ(calibration_of(folder, file, "d2"), "none");
  EXPECT_FALSE(*find_calibration(folder, file, {.model = &model, .demo = true}));
  EXPECT_FALSE(*find_calibration(folder, file, {}));
  model.info_.digest = "d2";
  EXPECT_FALSE(*find_calibration(folder, file, {.model = &model}));
}

// The operator's weights that rest on no model stay, with the model's answers beside them; those that rest on
// this model answer alone.
TEST_F(CalibrationsTest, OwnWeightsGoFirst) {
  ASSERT_TRUE(write_calibration(model_calibration_file(folder, "d1"), measured()));
  ASSERT_TRUE(write_calibration(calibration_file(folder, {}), own(7, false)));
  const Calibration both = found({.model = &model});
  EXPECT_EQ(both.combination.weights.at("opposed"), 7);
  EXPECT_EQ(both.combination.weights.at("language_model"), .5);
  ASSERT_TRUE(write_calibration(calibration_file(folder, file), own(8, true)));
  const Calibration alone = found({.model = &model});
  EXPECT_EQ(alone.combination.weights.at("opposed"), 8);
  EXPECT_FALSE(alone.combination.weights.contains("language_model"));
  EXPECT_EQ(calibration_of(folder, file, "d1"), "own");
}

// A damaged file is named, whoever's it is.
TEST_F(CalibrationsTest, DamageIsNamed) {
  const fs::path damaged = model_calibration_file(folder, "d1");
  fs::create_directories(damaged.parent_path());
  std::ofstream(damaged) << "{";
  const auto calibration = find_calibration(folder, file, {.model = &model});
  ASSERT_FALSE(calibration);
  EXPECT_EQ(calibration.error().reason, "bad_calibration");
  EXPECT_NE(calibration.error().message.find(damaged.string()), std::string::npos);
  EXPECT_EQ(calibration_of(folder, file, "d1"), "damaged");
}

}  // namespace
}  // namespace medsynth::actors
