// A task's record: one field per top-level key, each value kept as the JSON text that was written, so that
// nothing is decoded on the way and large results are never re-encoded. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"
#include "medsynth/base/error.h"
#include "medsynth/base/json.h"
#include "medsynth/tasks/life_cycle.h"

namespace medsynth::tasks {

using Fields = std::vector<std::pair<std::string, std::string>>;  // name, JSON text

// Fields and results of callers whom we do not trust must have passed these. Any name in UTF-8; each value
// one JSON value (json::is_json: no NaN, at most 64 levels); `status`, where given, one of Status; `progress`
// a number from 0 to 100. The error's pointer names the field. Names that belong to the store (is_owned) are
// let through here and not written.
Result<> check_fields(const Fields& fields);
Result<> check_json(std::string_view text, std::string_view name);

// What the store alone decides: task_id, created_at, updated_at, attempt, cancel_requested, result_bytes; and
// `waiting`, which no record holds; and what is kept of attempts (timeline.h).
bool is_owned(std::string_view name);

// 0 to 100 as a field: whole numbers without a point, what is outside becomes the nearest, NaN 0.
std::string percent_text(double percent);

struct Record {
  std::string task_id;
  Fields fields;

  // JSON text of a field, empty when it is not there.
  std::string_view raw(std::string_view name) const;
  std::optional<std::string> text(std::string_view name) const;  // of a JSON string
  std::optional<double> number(std::string_view name) const;
  std::optional<Status> status() const;
  std::size_t bytes() const;  // of all names and values

  // The TaskInfo of the HTTP API: its ten fields first, null when absent (status:
  // "pending", progress: 0), then every further field of the record in the order in which it came. It is
  // JSON, and TaskInfo's types, whatever somebody wrote into the record: a field that is neither counts as
  // absent, and `unreadable_fields` names it. `waiting`, where it is given, is the JSON text of that member.
  std::string to_json() const;
  void to_json(std::string& out, std::string_view waiting = "") const;
};

// Seconds from now.
struct Estimate {
  double low = 0;
  double high = 0;
};
BOOST_DESCRIBE_STRUCT(Estimate, (), (low, high))

// Why a task does not run. The record does not hold it: whoever shows the task finds it out.
struct Waiting {
  // slot | model_lock | cpu | memory | gpu | gpu_memory | paused | no_worker | delayed | retry | redis; stored
  // in scripts of operators: frozen.
  std::string reason;
  std::string since;
  std::string detail;  // what there is to see, in a sentence
  std::optional<std::int64_t> place;
  std::optional<std::string> holder;
  std::optional<double> have, need;
  std::optional<Estimate> estimate;
  std::string remedy;
};
BOOST_DESCRIBE_STRUCT(Waiting, (), (reason, since, detail, place, holder, have, need, estimate, remedy))

// TaskInfo, described: for the OpenAPI schema, the command line's tables, and clients. Further fields are
// allowed.
struct TaskInfo {
  std::string task_id;
  std::string status;
  double progress = 0;  // 0-100
  std::optional<std::string> created_at;
  std::optional<std::string> updated_at;
  std::optional<std::string> completed_at;
  std::optional<std::string> failed_at;
  std::optional<std::string> error;
  json::value result;
  std::optional<json::object> metadata;
  std::optional<std::string> actor;
  std::optional<std::string> queue;
  std::optional<std::string> message_id;
  std::optional<std::int64_t> attempt;
  std::optional<std::int64_t> result_bytes;
  std::optional<std::vector<std::string>> unreadable_fields;
  std::optional<Waiting> waiting;
};
BOOST_DESCRIBE_STRUCT(TaskInfo, (),
                      (task_id, status, progress, created_at, updated_at, completed_at, failed_at, error,
                       result, metadata, actor, queue, message_id, attempt, result_bytes, unreadable_fields,
                       waiting))

}  // namespace medsynth::tasks

template <>
struct medsynth::described::Rules<medsynth::tasks::TaskInfo> {
  static constexpr bool open = true;
  static constexpr std::array fields{
      Field{.name = "progress", .help = "0-100", .optional = true, .minimum = 0, .maximum = 100},
      Field{.name = "result",
            .help = "What the actor returned; null in lists when above 64 KiB",
            .optional = true},
      Field{.name = "unreadable_fields",
            .help = "Fields of the record that are not JSON, or of another type than they should be: shown "
                    "as null"},
      Field{.name = "waiting", .help = "Why it does not run; null: it runs, has ended, or starts at once"}};
};
template <>
struct medsynth::described::Rules<medsynth::tasks::Waiting> {
  static constexpr bool open = true;
  static constexpr std::array fields{
      Field{.name = "reason",
            .help =
                "slot, model_lock, cpu, memory, gpu, gpu_memory, paused, no_worker, delayed, retry or redis"},
      Field{.name = "since", .help = "When it began to wait for that"},
      Field{.name = "detail", .help = "What there is to see, in a sentence", .optional = true},
      Field{.name = "place", .help = "Among those that wait, 1 is next; null: unknown, or there is no line"},
      Field{.name = "holder", .help = "The task that has what it waits for; null: something else has"},
      Field{.name = "have",
            .help = "What may be had of it now: slots, users of the model, percent, bytes; null: unknown"},
      Field{.name = "need", .help = "What the task takes of it, likewise"},
      Field{.name = "estimate",
            .help = "Seconds until it starts; null: nothing is known that it could rest on"},
      Field{.name = "remedy", .help = "What lifts it", .optional = true}};
};
