#include "medsynth/models/digest.h"

#include <fstream>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"

namespace medsynth::models {
namespace {

struct DigestTest : testing::Test {
  std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / new_uuid();
  std::filesystem::path file = folder / "model.gguf";
  DigestTest() { std::filesystem::create_directories(folder); }
  ~DigestTest() override { std::filesystem::remove_all(folder); }
  void write(const std::string& text) const { std::ofstream(file) << text; }
};

// A file: its digest is that of its bytes, and is kept beside it.
TEST_F(DigestTest, IsOfTheBytesAndKept) {
  write(std::string(3'000'000, 'x'));
  EXPECT_EQ(*file_digest(file), sha256_hex(std::string(3'000'000, 'x')));
  EXPECT_TRUE(std::filesystem::exists(file.string() + ".sha256"));
}

// A file that changed: the digest is taken anew.
TEST_F(DigestTest, FollowsChanges) {
  write("one");
  ASSERT_EQ(*file_digest(file), sha256_hex("one"));
  write("two and more");
  EXPECT_EQ(*file_digest(file), sha256_hex("two and more"));
}

// A kept digest of another size or time, or nonsense in its place: not believed.
TEST_F(DigestTest, DoesNotBelieveAStaleNote) {
  write("one");
  std::ofstream(file.string() + ".sha256") << std::string(64, 'a') << " 3 1\n";
  EXPECT_EQ(*file_digest(file), sha256_hex("one"));
}

// No such file: not_found. Asked to stop: cancelled. Another digest than the catalogue's: wrong_digest.
TEST_F(DigestTest, Errors) {
  EXPECT_EQ(file_digest(file).error().code, Code::not_found);
  write("one");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(file_digest(file, stop.get_token()).error().code, Code::cancelled);
  EXPECT_TRUE(check_digest("m", "abc", ""));
  EXPECT_TRUE(check_digest("m", "abc", "abc"));
  EXPECT_EQ(check_digest("m", "abc", "abd").error().reason, "wrong_digest");
}

}  // namespace
}  // namespace medsynth::models
