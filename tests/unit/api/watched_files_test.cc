#include "medsynth/api/watched_files.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "medsynth/base/private_file.h"

#include "support/eventually.h"

namespace medsynth::api {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// A file that appears, is replaced by one of the same size, or goes is a change of its own group only.
TEST(WatchedFiles, TellsOfEveryChange) {
  std::string name = (fs::temp_directory_path() / "medsynth-test-XXXXXX").string();
  const fs::path folder = mkdtemp(name.data());
  std::atomic<int> changes{0}, others{0};
  {
    WatchedFiles watched(
        {{{folder / "a", folder / "b"}, [&] { ++changes; }}, {{folder / "c"}, [&] { ++others; }}}, 1ms);
    int expected = 0;
    const auto heard = [&] { return test::eventually([&] { return changes >= expected; }); };
    for (const char* text : {"one", "two"}) {
      ASSERT_FALSE(write_private_file(folder / "b", text));
      ++expected;
      EXPECT_TRUE(heard()) << text;
    }
    fs::remove(folder / "b");
    ++expected;
    EXPECT_TRUE(heard());
  }
  EXPECT_EQ(others, 0);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace medsynth::api
