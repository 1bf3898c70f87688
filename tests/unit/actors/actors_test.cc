#include "medsynth/actors/actors.h"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/actors/calibrations.h"
#include "medsynth/base/id.h"

#include "unit/contradiction/fake_model.h"

namespace medsynth::actors {
namespace {

namespace fs = std::filesystem;
using contradiction::FakeModel;

struct ActorsTest : testing::Test {
  fs::path folder = fs::canonical(testing::TempDir()) / new_uuid();
  FakeModel model;
  std::vector<std::pair<double, std::string>> told;
  Progress progress = [this](double percent, std::string_view stage) { told.emplace_back(percent, stage); };
  jobs::DetectContradiction pair{.claim1 = "Aspirin reduces stroke.",
                                 .claim2 = "Aspirin does not reduce stroke."};

  ActorsTest() { fs::create_directories(folder); }
  ~ActorsTest() override { fs::remove_all(folder); }
  WorkingModel none() const { return {.folder = folder}; }
  WorkingModel working() { return {.model = &model, .file = folder / "m.gguf", .folder = folder}; }
};

TEST_F(ActorsTest, APairIsJudgedWithoutAModel) {
  const auto result = detect(pair, none(), {}, progress);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->verdict, jobs::Verdict::contradiction);
  EXPECT_FALSE(result->model);
  EXPECT_EQ(told.front(), std::pair(10.0, std::string("judging")));
  EXPECT_EQ(told.back(), std::pair(90.0, std::string("done")));
}

TEST_F(ActorsTest, TheOperatorsWeightsJudge) {
  const auto before = detect(pair, none(), {}, {});
  ASSERT_TRUE(before);
  contradiction::Calibration own;
  own.combination = contradiction::built_in_combination();
  own.combination.intercept -= 20;  // whatever is asked: no
  own.combination.trained_on.pairs = 300;
  ASSERT_TRUE(write_calibration(calibration_file(folder, {}), own));
  const auto after = detect(pair, none(), {}, {});
  ASSERT_TRUE(after);
  EXPECT_LT(after->contradiction_score, 0.1);
  EXPECT_GT(before->contradiction_score, 0.5);
}

TEST_F(ActorsTest, ADamagedFileIsNamed) {
  std::ofstream(calibration_file(folder, {})) << "{";
  const auto result = detect(pair, none(), {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "bad_calibration");
}

TEST_F(ActorsTest, TheModelIsNamed) {
  pair.use_all_methods = true;
  const auto result = detect(pair, working(), {}, {});
  ASSERT_TRUE(result && result->model);
  EXPECT_EQ(result->model->digest, "d1");
  EXPECT_GT(model.calls, 0);
}

TEST_F(ActorsTest, TextsAreEmbeddedInSlices) {
  struct Embedder final : inference::Model {
    inference::ModelInfo about{.id = "embedder", .dimension = 2};
    std::vector<std::size_t> slices;
    const inference::ModelInfo& info() const override { return about; }
    Result<std::vector<inference::LabelScores>> score(std::span<const inference::Prompt>,
                                                      std::span<const std::string>,
                                                      const inference::Until&) override {
      return Error{Code::internal, "not asked for", ""};
    }
    Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts, const inference::Until&,
                                                  std::vector<bool>* cut) override {
      slices.push_back(texts.size());
      *cut = std::vector<bool>(texts.size());
      cut->front() = true;
      return std::vector<std::vector<float>>(texts.size(), {1, 0});
    }
  } embedder;
  const jobs::GenerateEmbeddings texts{.texts = std::vector<std::string>(130, "text")};
  const auto result = embed(texts, {.model = &embedder, .folder = folder}, {}, progress);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->embeddings.size(), 130U);
  EXPECT_EQ(result->dimension, 2);
  EXPECT_EQ(embedder.slices, (std::vector<std::size_t>{64, 64, 2}));
  EXPECT_EQ(told.back(), std::pair(95.0, std::string("embedding")));
  ASSERT_EQ(result->warnings.size(), 1U);
  EXPECT_TRUE(result->warnings[0].starts_with("3 texts"));
}

}  // namespace
}  // namespace medsynth::actors
