#include "medsynth/backup/archive.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace medsynth::backup {
namespace {

const std::string kLine = R"({"task_id":"t","fields":["status","\"completed\""],"message":null})"
                          "\n";

// A file without a name.
class Scratch {
 public:
  Scratch() {
    std::string path = testing::TempDir() + "backup-XXXXXX";
    descriptor_ = ::mkstemp(path.data());
    ::unlink(path.c_str());
  }
  ~Scratch() { ::close(descriptor_); }
  Scratch(const Scratch&) = delete;
  int operator*() const { return descriptor_; }
  off_t size() const { return ::lseek(descriptor_, 0, SEEK_END); }

 private:
  int descriptor_;
};

Manifest write_backup(int descriptor,
                      const Heading& heading = {.version = "1", .id = "i", .created_at = "now"}) {
  auto out = Writer::open(descriptor, heading);
  EXPECT_TRUE(out);
  EXPECT_TRUE(out->add("tasks/000001.jsonl", kLine + kLine, 2));
  EXPECT_TRUE(out->add(kState, R"({"queues":["q"],"paused":[],"limits":{},"replayed":[]})"));
  EXPECT_TRUE(out->add("files/keys.json", "secret"));
  auto manifest = out->finish({.tasks = 2});
  EXPECT_TRUE(manifest);
  return *manifest;
}

std::string reason_of(int descriptor) {
  const auto checked = check(descriptor);
  return checked ? "good" : checked.error().reason;
}

TEST(Archive, WhatWasWrittenIsRead) {
  const Scratch file;
  const Manifest written = write_backup(*file);
  const auto checked = check(*file);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(checked->manifest.id, "i");
  EXPECT_EQ(checked->manifest.counts.tasks, 2);
  EXPECT_EQ(checked->manifest.parts.size(), written.parts.size());
  EXPECT_EQ(checked->state.queues, std::vector<std::string>{"q"});
  ASSERT_EQ(checked->files.size(), 1u);
  EXPECT_EQ(checked->files[0].name, "keys.json");
  EXPECT_EQ(checked->files[0].bytes, "secret");
  int lines = 0;
  ASSERT_TRUE(read(*file, [&](const File& each) -> Result<> {
    if (!each.name.starts_with(kTasks)) return success();
    return for_each_line(each.bytes, [&](std::string_view) -> Result<> { return ++lines, success(); });
  }));
  EXPECT_EQ(lines, 2);
}

// Wherever it is cut off, it is refused.
TEST(Archive, CutOffIsRefused) {
  const Scratch file;
  write_backup(*file);
  for (off_t size = file.size() - 1; size >= 0; size -= size > 64 ? 37 : 1) {
    ASSERT_EQ(::ftruncate(*file, size), 0);
    EXPECT_EQ(reason_of(*file), "backup_damaged") << size;
  }
}

// Whatever byte is changed, it is refused, or it does not matter.
TEST(Archive, AChangedByteIsNoticed) {
  const Scratch file;
  write_backup(*file);
  for (off_t at = 10; at + 8 < file.size(); at += 11) {
    char byte = 0;
    ASSERT_EQ(::pread(*file, &byte, 1, at), 1);
    const char other = static_cast<char>(byte ^ 0x10);
    ASSERT_EQ(::pwrite(*file, &other, 1, at), 1);
    if (const auto checked = check(*file)) {
      EXPECT_EQ(checked->files[0].bytes, "secret") << at;
      EXPECT_EQ(checked->manifest.counts.tasks, 2) << at;
    }
    ASSERT_EQ(::pwrite(*file, &byte, 1, at), 1);
  }
}

TEST(Archive, ANewerFormatIsRefusedByName) {
  const Scratch file;
  write_backup(*file, {.format = kFormat + 1, .version = "9", .id = "i", .created_at = "now"});
  EXPECT_EQ(reason_of(*file), "backup_newer");
}

// A page whose entries this version could not restore is no reason to begin.
TEST(Archive, AnEntryThatIsNoneIsFoundBeforeAnythingIsDone) {
  const Scratch file;
  auto out = Writer::open(*file, {.version = "1", .id = "i", .created_at = "now"});
  ASSERT_TRUE(out);
  ASSERT_TRUE(out->add("tasks/000001.jsonl", "{}\n", 1));
  ASSERT_TRUE(out->finish({}));
  EXPECT_EQ(reason_of(*file), "backup_damaged");
}

TEST(Archive, AFullDiskIsAnError) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  auto out = Writer::open(full, {});
  Result<> written = out ? Result<>(success()) : Result<>(out.error());
  for (int i = 0; written && i < 100; ++i)
    written = out->add("tasks/1", std::string(100'000, static_cast<char>(i)));
  if (written) {
    const auto finished = out->finish({});
    written = finished ? Result<>(success()) : Result<>(finished.error());
  }
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, "backup_not_written");
  ::close(full);
}

}  // namespace
}  // namespace medsynth::backup
