#include "medsynth/cli/analysis_text.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "medsynth/cli/task_wait.h"

namespace medsynth::cli {
namespace {

references::Analysis example() {
  references::Analysis out;
  jobs::ReportedFinding less, same;
  less.exposure = "An exposure whose name is so long that it cannot stand in a line beside its score";
  less.outcome = "stroke";
  less.direction = "less";
  same.id = 1;
  same.direction = "not_associated";
  out.result.findings = {less, same};
  jobs::FoundContradiction pair;
  const std::string words =
      "Größe und Übermaß reduced the risk of everything that is long enough to be wrapped twice, ";
  pair.claim1 = {"10.1000/one", "RETRACTED: " + words, words + words + "\x1b[31m", {}};
  pair.claim2 = {"10.1000/two", "Another", "It did not.", {}};
  pair.finding2 = 1;
  pair.context_differences = {"population: " + words};
  out.result.contradictions = {pair};
  jobs::Question question;
  question.exposure = less.exposure;
  question.outcome = less.outcome;
  question.contradictions = 1;
  out.result.questions = {question};
  out.result.articles = {{"10.1000/one", "", {}, {}, 2019, {}, {}, {}, {}, true}};
  out.result.warnings = {words + words};
  return out;
}

std::size_t points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// Whatever is found fits into 80 columns, and what would steer a terminal does not reach it.
TEST(AnalysisText, FitsIntoATerminal) {
  const auto analysis = example();
  const std::string text = analysis_text(analysis, references::select(analysis.result, ""), true).str();
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    EXPECT_LE(points(std::string_view(text).substr(from, to - from)), 80u) << text.substr(from, to - from);
    from = to + 1;
  }
  EXPECT_EQ(text.find('\x1b'), text.npos);
  for (const char* part : {"[1] ", "less  RETRACTED:", "(2019, 10.1000/one)", "[RETRACTED]", "same  Another",
                           "differs: ", "Note: "})
    EXPECT_NE(text.find(part), text.npos) << part;
}

// Beside a report the pairs are a line each.
TEST(AnalysisText, IsShortBesideAReport) {
  const auto analysis = example();
  const std::string text = analysis_text(analysis, references::select(analysis.result, ""), false).str();
  EXPECT_NE(text.find("[1] "), text.npos);
  EXPECT_EQ(text.find("It did not."), text.npos);
}

// Half of the way from 20 to 100 in 8 seconds: as long again. Of a first look nothing follows.
TEST(SecondsLeft, FollowFromWhatPassed) {
  EXPECT_DOUBLE_EQ(seconds_left(20, 60, 8).value(), 8);
  EXPECT_FALSE(seconds_left(20, 60, 1));
  EXPECT_FALSE(seconds_left(20, 21, 8));
}

}  // namespace
}  // namespace medsynth::cli
