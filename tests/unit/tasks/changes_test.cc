#include "medsynth/tasks/changes.h"

#include <gtest/gtest.h>

namespace medsynth::tasks {
namespace {

TEST(ChangeId, IsReadAsItIsWritten) {
  for (const char* text :
       {"0-0", "1764460800000-0", "1764460800000-12", "18446744073709551615-18446744073709551615"}) {
    const auto id = parse_change_id(text);
    ASSERT_TRUE(id) << text;
    EXPECT_EQ(id->text(), text);
  }
}

TEST(ChangeId, RefusesWhatIsNone) {
  for (const char* text : {"", "-", "1", "1-", "-1", "1-2-3", "1-x", "+1-0", "-1-0", " 1-0", "1-0 ", "$",
                           "18446744073709551616-0"})
    EXPECT_FALSE(parse_change_id(text)) << text;
}

// By numbers: as text, 9 would come after 10.
TEST(ChangeId, IsOrderedByTimeAndThenByPlace) {
  EXPECT_LT(*parse_change_id("9-5"), *parse_change_id("10-0"));
  EXPECT_LT(*parse_change_id("10-9"), *parse_change_id("10-10"));
  EXPECT_EQ(*parse_change_id("10-1"), *parse_change_id("10-1"));
}

}  // namespace
}  // namespace medsynth::tasks
