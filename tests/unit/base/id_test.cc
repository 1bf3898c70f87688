#include "medsynth/base/id.h"

#include <gtest/gtest.h>

namespace medsynth {
namespace {

TEST(Uuid, IsVersionFourAndFresh) {
  const std::string id = new_uuid();
  ASSERT_EQ(id.size(), 36u);
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(id, new_uuid());
}

TEST(Utf8, KnowsOverlongFormsSurrogatesAndTruncation) {
  EXPECT_TRUE(is_utf8("plain é € 😀"));
  for (const char* bytes : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff", "\x80"})
    EXPECT_FALSE(is_utf8(bytes));
}

TEST(TaskId, HasRulesAndTheErrorNamesTheOneBroken) {
  EXPECT_TRUE(check_task_id("task-123/é"));
  EXPECT_TRUE(check_task_id(std::string(200, 'x')));
  EXPECT_FALSE(check_task_id(""));
  EXPECT_FALSE(check_task_id(std::string(201, 'x')));
  EXPECT_FALSE(check_task_id("a\nb"));
  EXPECT_FALSE(check_task_id("\xff"));
  EXPECT_EQ(check_task_id("a\x7f").error().faults[0].pointer, "/task_id");
}

// Separators of our own keys, control characters of both blocks, folders of a path, and nothing at all.
TEST(Name, IsFitForKeysAndPaths) {
  for (const char* name : {"queue", "a.b", "...", "with space", "\xc2\xa0", "β"})
    EXPECT_TRUE(check_name("/q", name));
  for (const char* name : {"", " ", ".", "..", "\x1fstatus:pending", "a\tb", "\xc2\x80", "\xc2\x9f", "\xc2"})
    EXPECT_FALSE(check_name("/q", name)) << name;
  EXPECT_EQ(check_name("/q", "..").error().faults[0].pointer, "/q");
}

TEST(Digest, IsTheStandardOne) {
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace medsynth
