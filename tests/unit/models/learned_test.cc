#include "medsynth/models/learned.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace medsynth::models {
namespace {

struct LearnedTest : testing::Test {
  std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "medsynth-learned-test";
  std::filesystem::path file = folder / "sizes.json";
  LearnedTest() { std::filesystem::remove_all(folder); }
  ~LearnedTest() override { std::filesystem::remove_all(folder); }
};

// Two workers write to one file: each keeps what the other learned, and the newer measure of the same model.
TEST_F(LearnedTest, WritersKeepEachOthers) {
  EXPECT_TRUE(read_learned(file).empty());
  const Learned a{.model = "a", .options = "x", .anonymous_bytes = 1, .peak_bytes = 2, .load_seconds = 0.5};
  Learned other = a;
  other.options = "y";
  ASSERT_TRUE(write_learned(file, {a}));
  ASSERT_TRUE(write_learned(file, {other}));
  Learned newer = a;
  newer.anonymous_bytes = 7;
  ASSERT_TRUE(write_learned(file, {newer}));
  EXPECT_EQ(read_learned(file), (std::vector<Learned>{other, newer}));
}

// A damaged file, or one of another version, has taught nothing, and is replaced.
TEST_F(LearnedTest, DamagedFileIsNoObstacle) {
  ASSERT_TRUE(write_learned(file, {{.model = "a"}}));
  for (const char* text : {"{\"version\":1,", "{\"version\":2,\"models\":[]}"}) {
    std::ofstream(file) << text;
    EXPECT_TRUE(read_learned(file).empty());
  }
  ASSERT_TRUE(write_learned(file, {{.model = "b"}}));
  EXPECT_EQ(read_learned(file).size(), 1U);
}

// What an older version wrote lacks what lies on GPUs: the rest of it counts.
TEST_F(LearnedTest, ReadsWhatOlderVersionsWrote) {
  ASSERT_TRUE(write_learned(file, {{.model = "b", .device_beyond = {-1, 2}}}));
  EXPECT_EQ(read_learned(file).at(0).device_beyond, (std::vector<std::int64_t>{-1, 2}));
  std::ofstream(file)
      << R"({"version":1,"models":[{"model":"a","options":"x","anonymous_bytes":1,"peak_bytes":2,)"
         R"("load_seconds":0.5}]})";
  ASSERT_EQ(read_learned(file).size(), 1U);
  EXPECT_EQ(read_learned(file)[0].anonymous_bytes, 1U);
}

TEST(AnonymousBytes, IsNotZero) {
  EXPECT_GT(anonymous_bytes(), 0U);
}

}  // namespace
}  // namespace medsynth::models
