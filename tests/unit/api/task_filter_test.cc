#include "medsynth/api/task_filter.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

tasks::Record record() {
  return {"task-Abc",
          {{"status", "\"failed\""},
           {"actor", "\"embed\""},
           {"queue", "\"q\""},
           {"worker", "\"box/w-1\""},
           {"error", "\"needs 12 MiB\""},
           {"message_id", "\"message-1\""},
           {"metadata", R"({"ward": "Cardiology"})"},
           {"created_at", "\"2026-01-02T00:00:00.000000Z\""},
           {"updated_at", "\"2026-01-03T00:00:00.000000Z\""}}};
}

bool matches(const TaskFilter& filter) {
  const auto selection = TaskSelection::of(filter);
  return selection && selection->matches(record());
}

// Each member alone lets the record through or not.
TEST(TaskFilter, EachMemberNarrows) {
  EXPECT_TRUE(matches({}));
  EXPECT_TRUE(matches({.status = tasks::Status::failed}));
  EXPECT_FALSE(matches({.status = tasks::Status::pending}));
  EXPECT_TRUE(matches({.actor = "embed"}));
  EXPECT_FALSE(matches({.actor = "emb"}));
  EXPECT_FALSE(matches({.queue = "other"}));
  for (const char* worker : {"box", "W-1", "box/w-1"}) EXPECT_TRUE(matches({.worker = worker})) << worker;
  EXPECT_FALSE(matches({.worker = "w-2"}));
  EXPECT_TRUE(matches({.error = "needs N MiB"}));
  EXPECT_FALSE(matches({.error = "needs 12 MiB"}));
  for (const char* text : {"ABC", "message-1", "cardio", "task-"})
    EXPECT_TRUE(matches({.text = text})) << text;
  EXPECT_FALSE(matches({.text = "box"}));
}

// After is then or later, before is earlier.
TEST(TaskFilter, TimesAreHalfOpen) {
  const std::string created = "2026-01-02T00:00:00Z", later = "2026-01-02T00:00:01Z";
  EXPECT_TRUE(matches({.created_after = created}));
  EXPECT_FALSE(matches({.created_after = later}));
  EXPECT_FALSE(matches({.created_before = created}));
  EXPECT_TRUE(matches({.created_before = later}));
  EXPECT_TRUE(matches({.updated_after = "2026-01-03T00:00:00Z", .updated_before = "2026-01-04T00:00:00Z"}));
  EXPECT_FALSE(matches({.updated_before = "2026-01-03T00:00:00Z"}));
  const auto wrong = TaskSelection::of({.updated_after = "yesterday"}, "/filter");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().faults.at(0).pointer, "/filter/updated_after");
}

// A record without what is asked for does not match; one without an error has no words.
TEST(TaskFilter, WhatIsNotThereDoesNotMatch) {
  const tasks::Record bare{"t", {}};
  for (const TaskFilter& filter : {TaskFilter{.actor = "a"}, TaskFilter{.error = "(no reason)"},
                                   TaskFilter{.created_after = "2026-01-01T00:00:00Z"},
                                   TaskFilter{.worker = "w"}, TaskFilter{.text = "x"}})
    EXPECT_FALSE(TaskSelection::of(filter)->matches(bare));
  EXPECT_TRUE(TaskSelection::of({.status = tasks::Status::pending})->matches(bare));
}

TEST(TaskFilter, ArgumentsThatWereFoundCount) {
  auto selection = *TaskSelection::of({.text = "aspirin"});
  EXPECT_FALSE(selection.matches(record()));
  selection.by_arguments.insert("task-Abc");
  EXPECT_TRUE(selection.matches(record()));
}

TEST(TaskFilter, OlderRecordsAreThePast) {
  EXPECT_TRUE(TaskSelection::of({.created_after = "2026-01-02T00:00:01Z"})->is_past(record()));
  EXPECT_FALSE(TaskSelection::of({.created_after = "2026-01-02T00:00:00Z"})->is_past(record()));
  EXPECT_FALSE(TaskSelection::of({})->is_past(record()));
}

// Arguments as people write them, however they were escaped.
TEST(TaskFilter, ArgumentsAreReadAsText) {
  dramatiq::Message message;
  message.kwargs = R"({"claim1": "Na\u00efve \"T cells\""})";
  EXPECT_TRUE(has_argument(message, "naïve"));
  EXPECT_TRUE(has_argument(message, "\"t CELLS\""));
  EXPECT_FALSE(has_argument(message, "u00ef"));
}

TEST(DeadFilter, EachMemberNarrows) {
  dramatiq::DeadLetter letter{
      .redis_message_id = "id-1", .queue = "q", .reason = "boom 1", .payload = "raw bytes"};
  EXPECT_TRUE(matches(DeadFilter{.queue = "q", .error = "boom N"}, letter));
  EXPECT_TRUE(matches(DeadFilter{.text = "RAW"}, letter));
  EXPECT_FALSE(matches(DeadFilter{.actor = "a"}, letter));
  letter.message.emplace().actor_name = "a";
  EXPECT_TRUE(matches(DeadFilter{.actor = "a"}, letter));
  EXPECT_FALSE(matches(DeadFilter{.text = "raw"}, letter));
  EXPECT_FALSE(matches(DeadFilter{.queue = "other"}, letter));
}

TEST(TaskFilter, AnEmptyOneNamesNothing) {
  EXPECT_TRUE(is_empty(TaskFilter{}));
  EXPECT_FALSE(is_empty(TaskFilter{.text = "x"}));
  EXPECT_TRUE(is_empty(DeadFilter{}));
}

}  // namespace
}  // namespace medsynth::api
