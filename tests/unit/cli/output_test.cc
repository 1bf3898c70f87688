#include "medsynth/cli/output.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

TEST(Output, ATableFitsTheScreen) {
  const std::vector<Column> columns{{"MODEL"}, {"SIZE", true}, {"NOTES", false, true}};
  const std::vector<Row> rows{{"a-name-to-copy", "110.0 MB", "Sentence embeddings, 384 dimensions"},
                              {"b", "1 B", "zwölf Bände über Ärzte und Öfen"}};
  for (const std::size_t screen : {80u, 60u, 50u, 40u}) {
    const std::string text = table(columns, rows, screen).str();
    EXPECT_NE(text.find("a-name-to-copy  110.0 MB  Sentence"), std::string::npos) << text;
    std::size_t longest = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      std::size_t points = 0;
      for (const char c : text.substr(at, end - at)) points += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      longest = std::max(longest, points);
      at = end + 1;
    }
    EXPECT_LE(longest, screen) << text;
    EXPECT_EQ(text.find("…") != std::string::npos, screen < 64) << text;
  }
  EXPECT_EQ(table(columns, rows, 0).str().find("…"), std::string::npos) << "no screen";
  EXPECT_NE(table(columns, rows, 10).str().find("a-name-to-copy"), std::string::npos) << "names stay whole";
  EXPECT_EQ(table({{"FIELD"}, {"VALUE"}}, {{"text", std::string(100, 'x')}}, 20).str().find("…"),
            std::string::npos);
}

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
