#include "medsynth/tasks/record.h"

#include <cmath>

#include <gtest/gtest.h>

namespace medsynth::tasks {
namespace {

// The known fields come first in their order, null when absent; every further field follows untouched.
TEST(Record, IsWrittenAsTaskInfo) {
  const Record record{"a\"1",
                      {{"zeta", "[1,2]"},
                       {"status", "\"processing\""},
                       {"task_id", "\"other\""},
                       {"progress", "12.5"},
                       {"na\u00efve", "9223372036854775807"}}};
  EXPECT_EQ(
      record.to_json(),
      R"({"task_id":"a\"1","status":"processing","progress":12.5,"created_at":null,"updated_at":null,"completed_at":null,)"
      R"("failed_at":null,"error":null,"result":null,"metadata":null,"zeta":[1,2],"na\u00efve":9223372036854775807})");
}

// What is written for an empty record is a TaskInfo that clients can read.
TEST(Record, AnEmptyRecordIsAReadableTaskInfo) {
  const auto info = described::parse<TaskInfo>(Record{"t", {}}.to_json());
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->status, "pending");
  EXPECT_EQ(info->progress, 0);
  EXPECT_TRUE(info->result.is_null());
}

// A record with all there is reads back field by field, further fields allowed.
TEST(Record, ReadsBackAsTaskInfo) {
  const Record record{"t",
                      {{"status", "\"completed\""},
                       {"progress", "100"},
                       {"result", "{\"a\":[1,null]}"},
                       {"metadata", "{\"k\":1}"},
                       {"attempt", "2"},
                       {"queue", "\"medsynth\""},
                       {"mine", "true"}}};
  const auto info = described::parse<TaskInfo>(record.to_json());
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(json::write(info->result), "{\"a\":[1,null]}");
  EXPECT_EQ(info->attempt, 2);
  EXPECT_EQ(info->queue, "medsynth");
}

// Typed reading gives nothing for an absent field or one of another type.
TEST(Record, TypedFieldsAreThereOrNot) {
  const Record record{"t",
                      {{"status", "\"retrying\""},
                       {"error", "\"na\\u00efve \\\"x\\\"\""},
                       {"progress", "30"},
                       {"n", "null"}}};
  EXPECT_EQ(record.status(), Status::retrying);
  EXPECT_EQ(record.text("error"), "na\u00efve \"x\"");
  EXPECT_EQ(record.number("progress"), 30);
  EXPECT_EQ(record.text("progress"), std::nullopt);
  EXPECT_EQ(record.number("error"), std::nullopt);
  EXPECT_EQ(record.text("n"), std::nullopt);
  EXPECT_EQ(record.raw("absent"), "");
  EXPECT_EQ((Record{"t", {{"status", "\"queued\""}}}.status()), std::nullopt);
}

// Whatever somebody wrote into the record, what is shown is JSON of the described types.
TEST(Record, WhatIsNoJsonIsLeftOutAndNamed) {
  const Record record{"t",
                      {{"status", "5"},
                       {"progress", "NaN"},
                       {"error", "{\"a\":1}"},
                       {"result", "{\"score\":NaN}"},
                       {"metadata", "[]"},
                       {"attempt", "\"1\""},
                       {"note", "plain"},
                       {"fine", "[1,2]"},
                       {"unreadable_fields", "[\"forged\"]"}}};
  const auto shown = json::parse(record.to_json());
  ASSERT_TRUE(shown) << record.to_json();
  const auto info = described::from_value<TaskInfo>(*shown);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->status, "pending");
  EXPECT_EQ(info->progress, 0);
  EXPECT_TRUE(info->result.is_null());
  EXPECT_EQ(*info->unreadable_fields, (std::vector<std::string>{"status", "progress", "error", "result",
                                                                "metadata", "attempt", "note"}));
  EXPECT_EQ(json::write(shown->at("fine")), "[1,2]");
  EXPECT_EQ((Record{"t", {{"status", "\"failed\""}, {"progress", " 5 "}}}).to_json().find("unreadable"),
            std::string::npos);
}

TEST(Fields, PercentIsWholeWhereItCanAndAlwaysInRange) {
  EXPECT_EQ(percent_text(50), "50");
  EXPECT_EQ(percent_text(33.25), "33.25");
  EXPECT_EQ(percent_text(-1), "0");
  EXPECT_EQ(percent_text(1e300), "100");
  EXPECT_EQ(percent_text(std::nan("")), "0");
}

// Good fields of every JSON kind pass; a wrong one is named by its pointer.
TEST(Fields, WrongOnesAreNamed) {
  EXPECT_TRUE(check_fields({{"", "null"},
                            {"a/b~c", "[true,{\"x\":1.5e3}]"},
                            {"big", "18446744073709551617"},
                            {"status", "\"failed\""},
                            {"progress", "99.5"}}));
  const std::vector<std::pair<Fields, std::string>> wrong{
      {{{"ok", "1"}, {"a/b", "{\"x\":"}}, "/a~1b"},
      {{{"x", ""}}, "/x"},
      {{{"x", "NaN"}}, "/x"},
      {{{"x", "1 2"}}, "/x"},
      {{{"x", "'a'"}}, "/x"},
      {{{"status", "\"queued\""}}, "/status"},
      {{{"status", "1"}}, "/status"},
      {{{"progress", "101"}}, "/progress"},
      {{{"progress", "\"5\""}}, "/progress"},
      {{{"\xff", "1"}}, ""},
      {{{"deep", std::string(100, '[') + std::string(100, ']')}}, "/deep"}};
  for (const auto& [fields, pointer] : wrong) {
    const auto checked = check_fields(fields);
    ASSERT_FALSE(checked) << pointer;
    EXPECT_EQ(checked.error().code, Code::invalid_argument);
    ASSERT_EQ(checked.error().faults.size(), 1u);
    EXPECT_EQ(checked.error().faults[0].pointer, pointer);
  }
}

// What is wrong is said without repeating the text, which may be a claim.
TEST(Fields, ErrorsDoNotRepeatValues) {
  const auto checked = check_json("\"secret claim", "result");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace medsynth::tasks
