#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "unit/limits/support.h"

namespace medsynth::limits {
namespace {

// A folder that is not there yet is made, for us alone.
TEST(RuntimeDir, MakesItsFolder) {
  TemporaryFolder folder;
  const auto made = runtime_dir((folder.path() / "a" / "b").string());
  ASSERT_TRUE(made) << made.error().message;
  struct stat found{};
  ASSERT_EQ(::stat(made->c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
  EXPECT_TRUE(runtime_dir(made->string())) << "a second time it is there";
}

// Others could put their own files in: refused, and left as it is.
TEST(RuntimeDir, RefusesAFolderThatOthersCanWrite) {
  TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 01777), 0);
  const auto refused = runtime_dir(folder.path().string());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::not_allowed);
  EXPECT_NE(refused.error().message.find("MEDSYNTH_RUNTIME_DIR"), std::string::npos);
}

// Somebody else's folder is refused, also for root.
TEST(RuntimeDir, RefusesAnotherUsersFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  TemporaryFolder folder;
  ASSERT_EQ(::chown(folder.path().c_str(), 12345, 12345), 0);
  const auto refused = runtime_dir(folder.path().string());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::not_allowed);
}

// A file in the way is said so.
TEST(RuntimeDir, RefusesAFile) {
  TemporaryFolder folder;
  folder.write("file", "");
  EXPECT_EQ(runtime_dir((folder.path() / "file").string()).error().code, Code::not_allowed);
}

// Without a setting it is one folder per machine and user, not per login.
TEST(RuntimeDir, HasADefault) {
  const std::string run = "/run/medsynth", memory = "/dev/shm/medsynth-" + std::to_string(::geteuid());
  const bool had_run = std::filesystem::exists(run), had_memory = std::filesystem::exists(memory);
  const auto found = runtime_dir("");
  if (found)
    EXPECT_TRUE(*found == run || *found == memory) << *found;
  else
    EXPECT_EQ(found.error().code, Code::not_allowed) << "somebody else's";
  // Nothing is left behind; a folder in use is not empty and stays.
  if (!had_run) ::rmdir(run.c_str());
  if (!had_memory) ::rmdir(memory.c_str());
}

}  // namespace
}  // namespace medsynth::limits
