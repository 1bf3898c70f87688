#include "medsynth/cli/output.h"

#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

TEST(Table, ColumnsAreAsWideAsTheyNeedAndNumbersStandRight) {
  EXPECT_EQ(table({{"NAME"}, {"N", true}}, {{"a", "1"}, {"longer", "20"}}).str(),
            "NAME     N\na        1\nlonger  20");
  EXPECT_EQ(table({{"NAME"}, {"N", true}}, {{"é", "1"}}).str(), "NAME  N\né     1");
  EXPECT_EQ(table({{"NAME"}}, {}).str(), "NAME");
  EXPECT_EQ(table({{"A"}, {"B"}}, {{"a"}}).str(), "A  B\na") << "a short row";
}

// Whatever a cell says, it is one cell of one row.
TEST(Table, CellsOfOthersStayCells) {
  EXPECT_EQ(table({{"HOST"}, {"N"}}, {{"box\nroot\x1b[2J", "1"}}).str(),
            "HOST              N\nbox\\nroot\\x1b[2J  1");
}

// Escaped when it is made; what is added later keeps its own lines.
TEST(Text, IsFitForATerminal) {
  Text text = std::string("a\nb");
  text += "\x1b[31m";
  text.add_line("c\t");
  EXPECT_EQ(text.str(), "a\\nb\\x1b[31m\nc\\t");
  EXPECT_EQ(lines("one\ntwo\x07\n\nthree").str(), "one\ntwo\\x07\n\nthree");
  EXPECT_EQ(lines("").str(), "");
  EXPECT_EQ((green("ok\n") + " and more").str(), "ok\\n and more") << "no colours off a terminal";
}

TEST(Shortened, CutsNoCharacterInTwo) {
  EXPECT_EQ(shortened("short", 60), "short");
  EXPECT_EQ(shortened("aé", 2), "a...");
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
