#include "medsynth/api/audit.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"

namespace medsynth::api {
namespace {

std::vector<std::string> some_lines(std::size_t count) {
  std::vector<std::string> lines;
  ChainEnd end;
  for (std::size_t i = 0; i < count; ++i)
    lines.push_back(audit_line({.time = "2026-12-01T00:00:00Z",
                                .action = i == 3 ? "delete_task" : "cancel_task",
                                .target = "task\n\"" + std::to_string(i),
                                .status = 202},
                               end));
  return lines;
}

ChainCheck checked(const std::vector<std::string>& lines, bool is_cut = false,
                   const std::string& expected = "") {
  ChainCheck check(expected);
  for (std::size_t i = 0; i < lines.size(); ++i) check.take(lines[i], "line " + std::to_string(i + 1));
  check.end(is_cut);
  return check;
}

// What is written is one line of JSON each, numbered, and found unchanged.
TEST(Audit, AChainIsIntact) {
  const auto lines = some_lines(9);
  for (const std::string& line : lines) EXPECT_EQ(line.find('\n'), line.npos);
  const ChainCheck check = checked(lines);
  EXPECT_TRUE(check.breaks().empty());
  EXPECT_EQ(check.entries(), 9);
  EXPECT_EQ(check.first(), 1);
  EXPECT_EQ(check.last().number, 9);
  EXPECT_EQ(check.last().hash, sha256_hex(lines.back()));
  EXPECT_EQ(read_audit_line(lines[4])->target, "task\n\"4");
  EXPECT_TRUE(checked({}).breaks().empty());
}

// Each kind of change but to the end is found, and where it is.
TEST(Audit, AChangeIsFound) {
  struct Case {
    std::string name;
    std::function<void(std::vector<std::string>&)> change;
    std::string where, what;
  };
  const std::vector<Case> cases{
      {"one letter", [](auto& lines) { lines[3].replace(lines[3].find("delete"), 6, "cancel"); }, "line 5",
       "was changed"},
      {"first line gone", [](auto& lines) { lines.erase(lines.begin()); }, "", ""},  // may be in an archive
      {"one line gone", [](auto& lines) { lines.erase(lines.begin() + 3); }, "line 4", "entry 4 is missing"},
      {"two lines gone", [](auto& lines) { lines.erase(lines.begin() + 3, lines.begin() + 5); }, "line 4",
       "entries 4 to 5 are missing"},
      {"two lines swapped", [](auto& lines) { std::swap(lines[3], lines[4]); }, "line 4", "missing"},
      {"a line twice", [](auto& lines) { lines.insert(lines.begin() + 3, lines[2]); }, "line 4", "repeated"},
      {"not JSON", [](auto& lines) { lines[3] = "?"; }, "line 4", "no entry"},
      {"empty", [](auto& lines) { lines[3] = ""; }, "line 4", "no entry"},
      {"cut and numbered anew",
       [](auto& lines) {
         ChainEnd end{3, std::string(64, '1')};
         lines[3] = audit_line({.action = "cancel_task"}, end);
       },
       "line 4", "does not fit"},
      {"begun with another past",
       [](auto& lines) {
         ChainEnd end{0, std::string(64, '1')};
         lines[0] = audit_line({.action = "cancel_task"}, end);
       },
       "line 1", "does not fit"},
  };
  for (const Case& each : cases) {
    auto lines = some_lines(9);
    each.change(lines);
    const ChainCheck check = checked(lines);
    if (each.where.empty()) {
      EXPECT_TRUE(check.breaks().empty()) << each.name;
      continue;
    }
    ASSERT_FALSE(check.breaks().empty()) << each.name;
    EXPECT_EQ(check.breaks()[0].where, each.where) << each.name;
    EXPECT_NE(check.breaks()[0].what.find(each.what), std::string::npos)
        << each.name << check.breaks()[0].what;
  }
}

// Nobody can tell from a log itself that its end was taken away; who noted the last hash can.
TEST(Audit, TheEndIsHeldByAHashThatWasNoted) {
  auto lines = some_lines(9);
  const std::string noted = sha256_hex(lines[7]);
  EXPECT_TRUE(checked(lines, false, noted).breaks().empty());
  lines.resize(7);
  EXPECT_TRUE(checked(lines).breaks().empty());
  const ChainCheck check = checked(lines, false, noted);
  ASSERT_EQ(check.breaks().size(), 1u);
  EXPECT_NE(check.breaks()[0].what.find(noted), std::string::npos);
}

// A line that was cut off is a break until it is marked; what the mark's hash covers cannot be changed afterwards.
TEST(Audit, ALineThatWasCutOffIsMarked) {
  auto lines = some_lines(3);
  lines.back().resize(20);
  const ChainCheck cut = checked(lines, true);
  ASSERT_EQ(cut.breaks().size(), 1u);
  EXPECT_NE(cut.breaks()[0].what.find("cut off"), std::string::npos);
  ChainEnd end{2, sha256_hex(lines.back())};
  lines.push_back(audit_line({.action = std::string(kLineCut)}, end));
  lines.push_back(audit_line({.action = "cancel_task"}, end));
  const ChainCheck marked = checked(lines);
  EXPECT_TRUE(marked.breaks().empty()) << marked.breaks()[0].what;
  EXPECT_EQ(marked.cut(), 1);
  EXPECT_EQ(marked.entries(), 4);
  lines[2].resize(10);
  EXPECT_FALSE(checked(lines).breaks().empty());
}

// Somebody's key in a path is no reason to keep it.
TEST(Audit, TextFromOutsideIsShortAndHasNoToken) {
  const std::string id(12, 'a'), secret(64, 'b');
  EXPECT_EQ(audit_text("task-1"), "task-1");
  EXPECT_EQ(audit_text("x/medsynth_" + id + "_" + secret + "/y"), "x/medsynth_" + id + "_***/y");
  std::string longer(255, 'x');
  longer += "ü and more";
  EXPECT_EQ(audit_text(longer), std::string(255, 'x') + "...");
  EXPECT_TRUE(is_utf8(audit_text(longer)));
}

// A newer version's members pass.
TEST(Audit, WhatIsNoEntryIsNoEntry) {
  auto lines = some_lines(1);
  for (const char* text : {"", "{}", "[]", "null", "{\"number\":0}"})
    EXPECT_FALSE(read_audit_line(text)) << text;
  EXPECT_FALSE(read_audit_line(lines[0].substr(0, lines[0].size() - 1)));
  EXPECT_TRUE(read_audit_line("{\"newer\":1," + lines[0].substr(1)));
}

}  // namespace
}  // namespace medsynth::api
