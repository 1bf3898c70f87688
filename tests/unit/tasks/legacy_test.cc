#include "medsynth/tasks/legacy.h"

#include <gtest/gtest.h>

namespace medsynth::tasks {
namespace {

const WallTime kNow{std::chrono::microseconds(1'700'000'000'000'000)};

// Values come out as they went in: integers of any size, nested values, the last of a doubled name.
TEST(Legacy, SplitsWithoutTouchingValues) {
  const auto fields = split_legacy(
      R"( {"status": "completed", "n": 123456789012345678901234567890, "r": {"a": [1.0, "\u00e9"]}, "n2": 1, "n2": 9007199254740993} )");
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ(*fields, (Fields{{"status", "\"completed\""},
                             {"n", "123456789012345678901234567890"},
                             {"r", R"({"a": [1.0, "\u00e9"]})"},
                             {"n2", "9007199254740993"}}));
}

// What Python writes beyond JSON is made JSON, alone in the value that has it.
TEST(Legacy, NonFiniteNumbersBecomeNull) {
  const auto fields =
      split_legacy(R"({"loss": NaN, "r": {"x": [1, -Infinity]}, "s": "NaN", "odd": "\ud800"})");
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ((Record{"t", *fields}).raw("loss"), "null");
  EXPECT_EQ((Record{"t", *fields}).raw("r"), "{\"x\":[1,null]}");
  EXPECT_EQ((Record{"t", *fields}).raw("s"), "\"NaN\"");
  EXPECT_TRUE(check_fields(*fields));
}

// What is no JSON object is a conflict, not a record.
TEST(Legacy, RefusesWhatIsNoObject) {
  for (const std::string_view text : {"", " ", "[1]", "\"text\"", "{", "{\"a\":}", "{\"a\":x}", "{\"a\":1} 2",
                                      "\x80pickle", "[{\"a\":1}]"}) {
    const auto fields = split_legacy(text);
    ASSERT_FALSE(fields) << text;
    EXPECT_EQ(fields.error().code, Code::conflict);
    EXPECT_EQ(fields.error().reason, "not_a_task_record");
  }
}

// Times in Python's formats become ours, and creation gives the place in the index.
TEST(Legacy, AdoptsTimes) {
  const auto adopted = adopt(
      *split_legacy(
          R"({"status":"failed","created_at":"2023-11-14T22:13:20.5","updated_at":1700000001.25,"attempt":3,"x":1})"),
      kNow);
  const Record record{"t", adopted.fields};
  EXPECT_EQ(adopted.created_micros, 1'700'000'000'500'000);
  EXPECT_EQ(record.raw("created_at"), "\"2023-11-14T22:13:20.500000Z\"");
  EXPECT_EQ(record.raw("updated_at"), "\"2023-11-14T22:13:21.250000Z\"");
  EXPECT_EQ(record.status(), Status::failed);
  EXPECT_EQ(record.raw("attempt"), "3");
  EXPECT_EQ(record.raw("x"), "1");
}

// What is missing or means nothing here gets a value that does.
TEST(Legacy, AdoptsRecordsWithoutTimesOrStatus) {
  const auto adopted = adopt(
      *split_legacy(
          R"({"status":"queued","created_at":null,"attempt":"many","task_id":"x","message_id":null,"updated_at":"yesterday"})"),
      kNow);
  const Record record{"t", adopted.fields};
  EXPECT_EQ(adopted.created_micros, micros(kNow));
  EXPECT_EQ(record.status(), Status::pending);
  EXPECT_EQ(record.raw("attempt"), "0");
  EXPECT_EQ(record.raw("message_id"), "");
  EXPECT_EQ(record.raw("task_id"), "");
  EXPECT_EQ(record.text("updated_at"), rfc3339(kNow));
}

}  // namespace
}  // namespace medsynth::tasks
