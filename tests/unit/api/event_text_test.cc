#include "medsynth/api/event_text.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

Change change(const char* id, const char* task, const char* status, std::optional<std::string> queue = "q") {
  return {*tasks::parse_change_id(id), {.task_id = task, .status = status, .queue = std::move(queue)}, task};
}

// Two changes of one write, then one of another: a client that saw only the first is told both again.
TEST(EventText, AWriteHasItsPlaceAfterItsLastChange) {
  const std::vector<Change> changes{change("1-0", "a", "completed"), change("1-0", "b", "completed"),
                                    change("2-0", "c", "failed")};
  EXPECT_EQ(text_of(changes, {}),
            "event: task\ndata: a\n\nevent: task\ndata: b\n\nid: 1-0\n\nevent: task\ndata: c\n\nid: 2-0\n\n");
}

TEST(EventText, OnlyWhatMatchesIsTold) {
  const std::vector<Change> changes{change("1-0", "a", "completed"), change("1-0", "b", "failed"),
                                    change("2-0", "c", "failed", "other"), change("3-0", "d", "deleted", {})};
  EXPECT_EQ(text_of(changes, {.task_id = "b"}), "event: task\ndata: b\n\nid: 1-0\n\n");
  EXPECT_EQ(text_of(changes, {.task_id = "none"}), "");
  EXPECT_EQ(text_of(changes, {.status = tasks::Status::completed}), "event: task\ndata: a\n\nid: 1-0\n\n");
  // Nobody knows which queue a deleted task had.
  EXPECT_EQ(text_of(changes, {.queue = "other"}),
            "event: task\ndata: c\n\nid: 2-0\n\nevent: task\ndata: d\n\nid: 3-0\n\n");
  EXPECT_EQ(text_of(changes, {.task_id = "c", .queue = "q"}), "");
}

TEST(EventText, StatesAreToldWhereTheyHaveWhatTheFilterNames) {
  const States states{{{"queue", "one"}, "1"}, {{"queue", "two"}, "2"}, {{"usage", ""}, "u"}};
  EXPECT_EQ(text_of(states, {}),
            "event: queue\ndata: 1\n\nevent: queue\ndata: 2\n\nevent: usage\ndata: u\n\n");
  EXPECT_EQ(text_of(states, {.queue = "two"}), "event: queue\ndata: 2\n\n");
  EXPECT_EQ(text_of(states, {.task_id = "a"}), "");
  EXPECT_EQ(text_of(states, {.status = tasks::Status::failed, .queue = "two"}), "");
}

TEST(EventText, WhatIsNoEventIsPassedOver) {
  const auto changes = read_events({{{1, 0},
                                     R"({"task_id":"a","status":"pending","progress":12.5,"attempt":2})"
                                     "\nnonsense\n{}\n"
                                     R"({"task_id":"b","status":"deleted"})"},
                                    {{2, 0}, ""}});
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].task.progress, 12.5);
  EXPECT_EQ(changes[0].task.attempt, 2);
  EXPECT_EQ(changes[1].task.task_id, "b");
  EXPECT_EQ(changes[1].task.status, "deleted");
}

}  // namespace
}  // namespace medsynth::api
