// What the calls on many tasks and dead letters at once take and answer, described once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/api/task_filter.h"
#include "medsynth/base/described.h"

namespace medsynth::api {

// Those that the filter names, or all.
template <class Filter>
struct ManyRequest {
  std::string action;
  std::optional<Filter> filter;
  bool all = false;
  bool dry_run = true;
  std::optional<std::int64_t> expected;
  std::int64_t limit = 1000;
  std::optional<std::string> cursor;
};

struct TaskActions : ManyRequest<TaskFilter> {};
BOOST_DESCRIBE_STRUCT(TaskActions, (), (action, filter, all, dry_run, expected, limit, cursor))
struct DeadActions : ManyRequest<DeadFilter> {};
BOOST_DESCRIBE_STRUCT(DeadActions, (), (action, filter, all, dry_run, expected, limit, cursor))

// So many, for one reason.
struct Because {
  std::string reason;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Because, (), (reason, count))

struct ManyDone {
  std::string action;
  bool dry_run = true;
  std::int64_t matched = 0;
  std::int64_t done = 0;
  std::vector<Because> skipped;  // they were no longer so, or cannot be
  std::vector<Because> failed;
  std::int64_t scanned = 0;
  std::int64_t total = 0;
  std::optional<std::string> next_cursor;
  std::optional<std::int64_t> messages_scanned, messages_total;
  std::string at;  // when this call began
};
BOOST_DESCRIBE_STRUCT(ManyDone, (),
                      (action, dry_run, matched, done, skipped, failed, scanned, total, next_cursor,
                       messages_scanned, messages_total, at))

struct ManyAnswer {
  std::string status = "success";
  std::string message;
  ManyDone data;
};
BOOST_DESCRIBE_STRUCT(ManyAnswer, (), (status, message, data))

// --- errors by their words

struct TaskErrorsQuery : TaskFilter {
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(TaskErrorsQuery, (TaskFilter), (cursor))
struct DeadErrorsQuery : DeadFilter {
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(DeadErrorsQuery, (DeadFilter), (cursor))

struct ErrorGroup {
  std::string error;  // its words, as a filter takes them
  std::int64_t count = 0;
  std::string newest;                       // id of a task or dead letter
  std::optional<std::string> newest_task;   // the task it stands for
  std::string newest_at;                    // when that failed
  std::string newest_text;                  // its error, or the beginning
  std::vector<std::string> actors, queues;  // some of them
};
BOOST_DESCRIBE_STRUCT(ErrorGroup, (),
                      (error, count, newest, newest_task, newest_at, newest_text, actors, queues))

struct ErrorGroups {
  std::vector<ErrorGroup> groups;  // the largest first
  std::int64_t left_out = 0;       // tasks or letters of groups beyond the first 200
  std::int64_t scanned = 0;
  std::int64_t total = 0;
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(ErrorGroups, (), (groups, left_out, scanned, total, next_cursor))

}  // namespace medsynth::api

namespace medsynth::described {
template <>
struct Rules<api::TaskActions> {
  static constexpr std::array fields{
      Field{.name = "action", .help = "cancel, delete, or replay (put back those that are dead letters)"},
      Field{.name = "filter", .help = "Which; without it `all` must be true"},
      Field{.name = "all", .help = "true, instead of a filter: every one", .optional = true},
      Field{.name = "dry_run", .help = "Only counts", .optional = true},
      Field{.name = "expected",
            .help = "Where more match than this, nothing is done: 409. What a dry run counted",
            .minimum = 0},
      Field{.name = "limit",
            .help = "At most this many in this call; a dry run counts all it comes to",
            .optional = true,
            .minimum = 1,
            .maximum = 1000},
      Field{.name = "cursor", .help = "next_cursor of the call before: goes on behind it"}};
};
template <>
struct Rules<api::DeadActions> {
  static constexpr auto fields = [] {
    auto fields = Rules<api::TaskActions>::fields;
    fields[0].help = "replay or delete";
    return fields;
  }();
};
template <>
struct Rules<api::TaskErrorsQuery> {
  static constexpr auto fields = api::joined(
      Rules<api::TaskFilter>::fields,
      std::array{Field{.name = "cursor", .help = "next_cursor of the call before: goes on behind it"}});
};
template <>
struct Rules<api::DeadErrorsQuery> {
  static constexpr auto fields = api::joined(
      Rules<api::DeadFilter>::fields,
      std::array{Field{.name = "cursor", .help = "next_cursor of the call before: goes on behind it"}});
};
}  // namespace medsynth::described
