#include "medsynth/base/log_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace medsynth {
namespace {

namespace fs = std::filesystem;

class LogFileTest : public ::testing::Test {
 protected:
  LogFileTest() {
    std::string name = (fs::temp_directory_path() / "medsynth-log-XXXXXX").string();
    folder_ = ::mkdtemp(name.data()) ? name : "";
    file_ = folder_ / "medsynth.log";
  }
  ~LogFileTest() override { fs::remove_all(folder_); }

  static std::vector<std::string> lines_of(const fs::path& file) {
    std::vector<std::string> lines;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  fs::path folder_, file_;
};

TEST_F(LogFileTest, IsItsOwnersAndStartsAnewWhenItIsTooLarge) {
  append_to_log(file_, "one", 8);
  EXPECT_EQ(fs::status(file_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  append_to_log(file_, "two", 8);
  EXPECT_FALSE(fs::exists(file_));
  append_to_log(file_, "three", 8);
  EXPECT_EQ(lines_of(older_log(file_)), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(lines_of(file_), std::vector<std::string>{"three"});
}

TEST_F(LogFileTest, ManyThatAddLoseNothing) {
  constexpr int kEach = 200;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 4; ++i)
      writers.emplace_back([this] {
        for (int n = 0; n < kEach; ++n) append_to_log(file_, "0123456789", 11 * kEach * 3);
      });
  }
  auto lines = lines_of(file_);
  const auto older = lines_of(older_log(file_));
  EXPECT_FALSE(older.empty());
  lines.insert(lines.end(), older.begin(), older.end());
  EXPECT_EQ(lines, std::vector<std::string>(4 * kEach, "0123456789"));
}

TEST_F(LogFileTest, WhatCannotBeWrittenIsLost) {
  append_to_log(folder_ / "none" / "medsynth.log", "one");
  fs::create_symlink(folder_ / "elsewhere", file_);
  append_to_log(file_, "one");
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere")) << "a link is not followed";
}

}  // namespace
}  // namespace medsynth
