#include "medsynth/backup/entries.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace medsynth::backup {
namespace {

tasks::Copy record(const std::string& status, const std::string& message_id = "m") {
  return {.task_id = "t",
          .fields = {{"status", '"' + status + '"'},
                     {"message_id", '"' + message_id + '"'},
                     {"progress", "40"},
                     {"worker", R"("host/worker")"}},
          .created_micros = 5,
          .left_ms = -1,
          .tombstone = ""};
}

std::string field(const tasks::Copy& copy, const std::string& name) {
  const auto found = std::find_if(copy.fields.begin(), copy.fields.end(),
                                  [&](const auto& each) { return each.first == name; });
  return found == copy.fields.end() ? "absent" : found->second;
}

// A running task is pending in a backup, by nobody; what waits or has ended stays as it is.
TEST(Entries, WhatRunsIsPending) {
  const auto pending = record_of(entry_of(record("processing"), std::nullopt, ""));
  ASSERT_TRUE(pending);
  EXPECT_EQ(field(*pending, "status"), R"("pending")");
  EXPECT_EQ(field(*pending, "progress"), "0");
  EXPECT_EQ(field(*pending, "worker"), "absent");
  for (const char* status : {"pending", "retrying", "completed", "failed", "cancelled"}) {
    const auto same = record_of(entry_of(record(status), std::nullopt, ""));
    ASSERT_TRUE(same);
    EXPECT_EQ(same->fields, record(status).fields) << status;
  }
}

// A record and a message of its queue, read together: what of them makes the task go on.
TEST(Entries, WhatATaskIsTakenWith) {
  struct Case {
    tasks::Copy record;
    Takes takes;
  };
  tasks::Copy none{.task_id = "t", .fields = {}, .tombstone = ""};
  tasks::Copy deleted = none, cancelled = record("processing");
  deleted.tombstone = "deleted";
  cancelled.tombstone = "cancelled";
  for (const auto& [copy, expected] : {
           Case{record("pending"), Takes::both}, Case{record("processing"), Takes::both},
           Case{record("retrying"), Takes::both}, Case{cancelled, Takes::both},  // its tombstone goes along
           Case{record("completed"), Takes::record},              // the message is settled in a moment
           Case{none, Takes::message},                            // of a Python producer: it has not begun
           Case{deleted, Takes::nothing},                         // it must not run
           Case{record("completed", "another"), Takes::message},  // a new task of an id that is free again
       })
    EXPECT_EQ(takes(copy, "m"), expected) << field(copy, "status") << copy.tombstone;
}

// Any bytes come back as they were, through a line of JSON.
TEST(Entries, BytesComeBack) {
  rc::check([](const std::string& name, const std::string& value, const std::string& payload) {
    const tasks::Copy copy{
        .task_id = "t", .fields = {{name, value}}, .created_micros = 7, .left_ms = 9, .tombstone = ""};
    const dramatiq::Copy message{"q.DQ", "id", payload, 2};
    const auto line = write(entry_of(copy, message, "m"));
    RC_ASSERT(std::count(line.begin(), line.end(), '\n') == 1);
    const auto entry = read_task(line);
    RC_ASSERT(entry.has_value());
    RC_ASSERT(entry->message_id == "m");
    const auto back = record_of(*entry);
    const auto message_back = message_of(*entry);
    RC_ASSERT(back.has_value() && message_back.has_value() && message_back->has_value());
    RC_ASSERT(back->fields == copy.fields);
    RC_ASSERT(back->created_micros == 7 && back->left_ms == 9);
    RC_ASSERT((*message_back)->payload == payload && (*message_back)->deaths == 2);
  });
}

TEST(Entries, NamesThatNobodyMayUseAreRefused) {
  const TaskEntry good{
      .task_id = "t", .fields = {"status", "1"}, .tombstone = "", .message_id = "", .message = {}};
  EXPECT_TRUE(read_task(write(good)));
  for (const auto& spoil : std::vector<void (*)(TaskEntry&)>{
           [](TaskEntry& entry) {
             entry.task_id =
                 "a\x1f"
                 "b";
           },
           [](TaskEntry& entry) { entry.task_id = ""; }, [](TaskEntry& entry) { entry.fields.pop_back(); },
           [](TaskEntry& entry) { entry.fields.clear(); },
           [](TaskEntry& entry) { entry.message = MessageEntry{"not a queue", "id", "{}"}; },
           [](TaskEntry& entry) { entry.message = MessageEntry{"queue", "id", "{}"}; },  // of no name
       }) {
    TaskEntry bad = good;
    spoil(bad);
    EXPECT_FALSE(read_task(write(bad)));
  }
  EXPECT_FALSE(read_letter(write(LetterEntry{"../x", "id", "{}", "", 1})));
}

// What a later version adds is passed over.
TEST(Entries, UnknownMembersPass) {
  EXPECT_TRUE(read_task(R"({"task_id":"t","fields":["status","1"],"added":1,"message":null})"));
}

TEST(Entries, AreCountedByWhatTheyHold) {
  Counts counts;
  count(entry_of(record("completed"), std::nullopt, ""), counts);
  count(entry_of(record("pending"), dramatiq::Copy{"q", "1", "{}", 0}, "m"), counts);
  count(entry_of({.task_id = "t", .fields = {}, .tombstone = ""}, dramatiq::Copy{"q.DQ", "2", "{}", 0}, "n"),
        counts);
  EXPECT_EQ(counts.tasks, 2);
  EXPECT_EQ(counts.ended, 1);
  EXPECT_EQ(counts.messages, 1);
  EXPECT_EQ(counts.delayed, 1);
}

}  // namespace
}  // namespace medsynth::backup
