#include "medsynth/cli/output.h"

#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

TEST(Table, ColumnsAreAsWideAsTheyNeedAndNumbersStandRight) {
  EXPECT_EQ(table({{"NAME"}, {"N", true}}, {{"a", "1"}, {"longer", "20"}}),
            "NAME     N\na        1\nlonger  20");
  EXPECT_EQ(table({{"NAME"}, {"N", true}}, {{"é", "1"}}), "NAME  N\né     1");
  EXPECT_EQ(table({{"NAME"}}, {}), "NAME");
}

TEST(Plain, IsWhatPeopleWrite) {
  EXPECT_EQ(plain(json::value(80.0)), "80");
  EXPECT_EQ(plain(json::value(0.25)), "0.25");
  EXPECT_EQ(plain(json::value(nullptr)), "-");
  EXPECT_EQ(plain(json::value("text")), "text");
  EXPECT_EQ(cell({{"a", 1}}, "b"), "-");
}

TEST(Units, AreReadable) {
  EXPECT_EQ(bytes(0), "0 B");
  EXPECT_EQ(bytes(98'362'432), "98.4 MB");
  EXPECT_EQ(seconds(0.25), "250 ms");
  EXPECT_EQ(seconds(1.94), "1.9 s");
  EXPECT_EQ(seconds(86400 * 7), "7 days");
}

}  // namespace
}  // namespace medsynth::cli
