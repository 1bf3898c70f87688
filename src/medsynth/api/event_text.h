// What /v1/events tells, and to whom: its payloads, filters, and the text of a stream. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"
#include "medsynth/tasks/changes.h"
#include "medsynth/tasks/record.h"

namespace medsynth::api {

struct EventsQuery {
  std::optional<std::string> task_id;
  std::optional<tasks::Status> status;
  std::optional<std::string> queue;
};
BOOST_DESCRIBE_STRUCT(EventsQuery, (), (task_id, status, queue))

struct TaskEvent {
  std::string task_id;
  std::string status;  // also "deleted"
  double progress = 0;
  std::int64_t attempt = 0;
  std::optional<std::string> actor;
  std::optional<std::string> queue;
  std::optional<std::string> reason;  // "delayed" or "retry": it waits by intention,
  std::optional<std::string> due_at;  // until then
};
BOOST_DESCRIBE_STRUCT(TaskEvent, (), (task_id, status, progress, attempt, actor, queue, reason, due_at))

struct GateEvent {
  std::string host;
  std::string reason;  // why no task starts now; "": one may
  std::string detail;
};
BOOST_DESCRIBE_STRUCT(GateEvent, (), (host, reason, detail))

struct StartEvent {
  bool missed = false;
};
BOOST_DESCRIBE_STRUCT(StartEvent, (), (missed))

// A change of a task with the JSON that is told of it.
struct Change {
  tasks::ChangeId id;
  TaskEvent task;
  std::string data;
};

// The JSON of each state by its event and what it is of: ("queue", "medsynth").
using States = std::map<std::pair<std::string, std::string>, std::string>;

bool is_filter(const EventsQuery& filter);  // one that leaves something out

// An event of the stream.
void add_event(std::string& out, std::string_view event, std::string_view data);
// The place that a client comes back with.
void add_place(std::string& out, const tasks::ChangeId& id);

// What matches the filter. The last change of a write has its place after it: a client that saw a part of them
// sees them all again. "": nothing matches.
std::string text_of(const std::vector<Change>& changes, const EventsQuery& filter);
// An event is told where it has what the filter names.
std::string text_of(const States& states, const EventsQuery& filter);

// The changes, still without `data`, actor and queue. Events that are none, as of an older version, are passed
// over.
std::vector<Change> read_events(const std::vector<tasks::Changes::Write>& writes);

}  // namespace medsynth::api

namespace medsynth::described {
template <>
struct Rules<api::EventsQuery> {
  static constexpr std::array fields{Field{.name = "task_id", .help = "Only events of this task"},
                                     Field{.name = "status", .help = "Only tasks that are so now"},
                                     Field{.name = "queue", .help = "Only this queue, and its tasks"}};
};
template <>
struct Rules<api::TaskEvent> {
  static constexpr bool open = true;
  static constexpr std::array fields{Field{.name = "progress", .optional = true},
                                     Field{.name = "attempt", .optional = true}};
};
}  // namespace medsynth::described
