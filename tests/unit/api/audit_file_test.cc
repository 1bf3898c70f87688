#include "medsynth/api/audit_file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/api/audit_log.h"

#include "support/eventually.h"

namespace medsynth::api {
namespace {

namespace fs = std::filesystem;

class AuditFiles : public testing::Test {
 protected:
  AuditFiles() {
    std::string name = (fs::temp_directory_path() / "medsynth-test-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    file_.path = folder_ / "data/audit.jsonl";
  }
  ~AuditFiles() override { fs::remove_all(folder_); }

  Result<> append(std::size_t count = 1) {
    const std::vector<AuditEntry> entries(count, {.time = "2026-12-01T00:00:00Z", .action = "cancel_task"});
    return append_audit(file_, entries);
  }
  ChainCheck verified() { return *verify_audit(file_.path); }
  std::string first_break() {
    const auto check = verified();
    return check.breaks().empty() ? "" : check.breaks()[0].where + ": " + check.breaks()[0].what;
  }
  std::string text() const {
    std::ostringstream out;
    out << std::ifstream(file_.path).rdbuf();
    return out.str();
  }
  void write(const std::string& text) { std::ofstream(file_.path) << text; }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    const auto files = audit_files(file_.path);
    for (const auto& each : *files) names.push_back(each.filename().string());
    return names;
  }

  fs::path folder_;
  AuditFile file_;
};

unsigned mode_of(const fs::path& path) {
  struct stat state{};
  return ::stat(path.c_str(), &state) == 0 ? state.st_mode & 07777 : 0;
}

TEST_F(AuditFiles, AreTheirOwnersAlone) {
  ASSERT_TRUE(append());
  EXPECT_EQ(mode_of(file_.path), 0600u);
  ::chmod(file_.path.c_str(), 0644);
  const auto refused = append();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "not_private");
  fs::rename(file_.path, folder_ / "other");
  ::chmod((folder_ / "other").c_str(), 0600);
  fs::create_symlink(folder_ / "other", file_.path);
  EXPECT_EQ(append().error().reason, "audit_not_written");
}

// The chain goes on over files and processes (here: calls), from 1 without a gap.
TEST_F(AuditFiles, GoOnInANewFile) {
  file_.max_bytes = 1000;
  for (int i = 0; i < 17; ++i) ASSERT_TRUE(append());
  const auto files = names();
  ASSERT_GE(files.size(), 4u);
  EXPECT_EQ(files[0], "audit.jsonl.000001");
  EXPECT_EQ(files.back(), "audit.jsonl");
  EXPECT_EQ(verified().entries(), 17);
  EXPECT_EQ(first_break(), "");
  for (const std::string& name : files) EXPECT_EQ(mode_of(file_.path.parent_path() / name), 0600u);
  // One in between that is gone, then the newest; archiving the oldest is no break.
  fs::rename(file_.path.parent_path() / files[1], folder_ / "second");
  EXPECT_EQ(first_break(), "audit.jsonl.000002: this file is missing");
  fs::rename(folder_ / "second", file_.path.parent_path() / files[1]);
  fs::rename(file_.path, folder_ / "newest");
  EXPECT_EQ(first_break(), "audit.jsonl: this file is missing");
  // It goes on from the newest that there is, and what was there before is missed.
  ASSERT_TRUE(append());
  EXPECT_EQ(first_break(), "");
  fs::rename(folder_ / "newest", file_.path);
  fs::remove(file_.path.parent_path() / files[0]);
  EXPECT_EQ(first_break(), "");
  EXPECT_GT(verified().first(), 1);
}

// The process was killed in the middle of a line: the next one marks it.
TEST_F(AuditFiles, MarkALineThatWasCutOff) {
  ASSERT_TRUE(append(3));
  const std::string whole = text();
  for (const std::size_t cut : {std::size_t{1}, std::size_t{2}, std::size_t{100}, std::size_t{200}}) {
    write(whole.substr(0, whole.size() - cut));
    ASSERT_TRUE(append(2)) << cut;
    EXPECT_EQ(first_break(), "") << cut;
    EXPECT_EQ(verified().last().number, cut == 1 ? 6 : 5) << cut;
    EXPECT_NE(text().find(kLineCut), std::string::npos);
  }
  write("{\"numb");  // the very first
  ASSERT_TRUE(append());
  EXPECT_EQ(first_break(), "");
  EXPECT_EQ(verified().entries(), 2);
}

// No room: nothing is left of what was not written as a whole, and it goes on when there is.
TEST_F(AuditFiles, AreWrittenAsAWholeOrNotAtAll) {
  ASSERT_TRUE(append(3));
  const std::string before = text();
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit all{};
  ::getrlimit(RLIMIT_FSIZE, &all);
  rlimit small = all;
  small.rlim_cur = before.size() + 300;
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto refused = append(5);
  ::setrlimit(RLIMIT_FSIZE, &all);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "audit_not_written");
  EXPECT_EQ(text(), before);
  ASSERT_TRUE(append(5));
  EXPECT_EQ(verified().entries(), 8);
  EXPECT_EQ(first_break(), "");
}

// Servers that share a log take turns.
TEST_F(AuditFiles, MayBeSharedByProcesses) {
  file_.max_bytes = 2000;
  {
    std::vector<std::jthread> servers;
    for (int server = 0; server < 4; ++server)
      servers.emplace_back([this] {
        for (int i = 0; i < 25; ++i) EXPECT_TRUE(append());
      });
  }
  EXPECT_EQ(verified().entries(), 100);
  EXPECT_EQ(first_break(), "");
}

TEST_F(AuditFiles, WhatIsNotThereIsSaid) {
  EXPECT_EQ(verify_audit(file_.path).error().reason, "no_audit_log");
}

// Everything that was added is on the disk once it is settled, and after stop().
TEST_F(AuditFiles, ALogWritesWhatComesTogether) {
  AuditLog log(file_);
  std::atomic<int> settled = 0;
  for (int i = 0; i < 50; ++i) log.add({.action = "cancel_task"}, [&] { ++settled; });
  EXPECT_TRUE(test::eventually([&] { return settled == 50; }));
  EXPECT_EQ(verified().entries(), 50);
  for (int i = 0; i < 50; ++i) log.add({.action = "cancel_task"});
  log.stop();
  EXPECT_EQ(verified().entries(), 100);
  log.add({.action = "cancel_task"}, [&] { ++settled; });
  EXPECT_EQ(settled, 51);
  EXPECT_EQ(log.lost(), 1);
}

// Somebody without a key asks again and again: what is recorded of it is bounded, and how much is left out is said.
TEST_F(AuditFiles, ALogIsNotFilledByRefusals) {
  constexpr std::int64_t kMany = 5000;
  AuditLog log(file_);
  for (std::int64_t i = 0; i < kMany; ++i) log.add({.action = "show_task", .status = 401});
  std::atomic<bool> settled = false;
  log.add({.action = "cancel_task"}, [&] { settled = true; });
  EXPECT_TRUE(test::eventually([&] { return settled.load(); }));
  log.stop();
  const std::int64_t recorded = kMany - log.lost();
  EXPECT_GE(recorded, AuditLog::kRefusals.requests);
  EXPECT_LT(recorded, kMany / 2);
  EXPECT_NE(text().find(kEntriesLost), std::string::npos);
  EXPECT_EQ(first_break(), "");
}

// While the disk refuses, nothing is to be changed; what was changed waits, and is written when it can be. Refusals
// beyond the bound are counted, and the count is recorded.
TEST_F(AuditFiles, ALogWaitsForTheDisk) {
  fs::create_directories(file_.path);  // is no file
  {
    AuditLog log(file_);
    EXPECT_TRUE(log.writable());
    std::atomic<bool> settled = false;
    log.add({.action = "cancel_task"}, [&] { settled = true; });
    EXPECT_TRUE(test::eventually([&] { return settled.load(); }));
    EXPECT_FALSE(log.writable());
    for (std::size_t i = 0; i < AuditLog::kMaxBuffered + 5; ++i)
      log.add({.action = "show_task", .status = 401});
    EXPECT_GE(log.lost(), 5);
    fs::remove(file_.path);
    EXPECT_TRUE(test::eventually([&] { return log.writable(); }));
  }
  EXPECT_EQ(first_break(), "");
  EXPECT_NE(text().find(kEntriesLost), std::string::npos);
  EXPECT_EQ(read_audit_line(text().substr(0, text().find('\n')))->action, "cancel_task");
}

}  // namespace
}  // namespace medsynth::api
