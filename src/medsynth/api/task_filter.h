// Which tasks, or which dead letters, somebody means: the same members in a query and in a body. Pure.
//
//   BOOST_OUTCOME_TRY(const auto wanted, TaskSelection::of(query));       // its times are times
//   if (wanted.matches(record)) ...
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/base/described.h"
#include "medsynth/dramatiq/dead.h"
#include "medsynth/tasks/record.h"

namespace medsynth::api {

struct TaskFilter {
  std::optional<tasks::Status> status;
  std::optional<std::string> actor;
  std::optional<std::string> queue;
  std::optional<std::string> worker;
  std::optional<std::string> error;
  std::optional<std::string> text;
  std::optional<std::string> created_after, created_before;
  std::optional<std::string> updated_after, updated_before;
};
BOOST_DESCRIBE_STRUCT(TaskFilter, (),
                      (status, actor, queue, worker, error, text, created_after, created_before,
                       updated_after, updated_before))

struct DeadFilter {
  std::optional<std::string> queue;
  std::optional<std::string> actor;
  std::optional<std::string> error;
  std::optional<std::string> text;
};
BOOST_DESCRIBE_STRUCT(DeadFilter, (), (queue, actor, error, text))

// Whether it names anything.
template <described::Struct Filter>
bool is_empty(const Filter& filter) {
  bool empty = true;
  described::for_each_member<Filter>(
      [&](std::string_view, auto member) { empty = empty && !(filter.*member).has_value(); });
  return empty;
}

struct TaskSelection {
  TaskFilter filter;
  std::optional<WallTime> created_after, created_before, updated_after, updated_before;
  // Tasks whose message has `text` among its arguments, as far as that was looked for.
  std::set<std::string, std::less<>> by_arguments = {};

  // invalid_argument where a time is none or the queue can be none, with pointers below `at`.
  static Result<TaskSelection> of(TaskFilter filter, const std::string& at = "");
  // The fields of a record that matches() looks at.
  static std::vector<std::string> fields();
  bool matches(const tasks::Record& record) const;
  // Records in the order of their creation, newest first: none that follows matches.
  bool is_past(const tasks::Record& record) const;
};

bool matches(const DeadFilter& filter, const dramatiq::DeadLetter& letter);
bool has_argument(const dramatiq::Message& message, std::string_view text);

// Letters of ASCII are alike, whatever their case.
bool contains_text(std::string_view text, std::string_view part);

// For Rules of a query or body with more members than the filter.
template <std::size_t A, std::size_t B>
constexpr std::array<described::Field, A + B> joined(const std::array<described::Field, A>& a,
                                                     const std::array<described::Field, B>& b) {
  std::array<described::Field, A + B> all{};
  std::copy(a.begin(), a.end(), all.begin());
  std::copy(b.begin(), b.end(), all.begin() + A);
  return all;
}

}  // namespace medsynth::api

namespace medsynth::described {
template <>
struct Rules<api::TaskFilter> {
  static constexpr std::array fields{
      Field{.name = "status", .help = "Only tasks of this status"},
      Field{.name = "actor", .help = "Only tasks of this actor", .min_size = 1},
      Field{.name = "queue", .help = "Only tasks of this queue"},
      Field{.name = "worker", .help = "Only those whose worker has this in its host/id", .min_size = 1},
      Field{.name = "error",
            .help = "Only those that failed with these words, as GET /v1/errors/tasks has them",
            .min_size = 1},
      Field{.name = "text",
            .help = "Only those with this in an id, in their metadata, or in the arguments of their message",
            .min_size = 1,
            .max_size = 1000},
      Field{.name = "created_after", .help = "Only those created then or later (RFC 3339)"},
      Field{.name = "created_before", .help = "Only those created before"},
      Field{.name = "updated_after", .help = "Only those that changed then or later"},
      Field{.name = "updated_before", .help = "Only those that have not changed since"}};
};
template <>
struct Rules<api::DeadFilter> {
  static constexpr std::array fields{
      Field{.name = "queue", .help = "Only this queue's; absent: those of all known queues"},
      Field{.name = "actor", .help = "Only messages of this actor", .min_size = 1},
      Field{.name = "error",
            .help = "Only those that died of these words, as GET /v1/errors/dead has them",
            .min_size = 1},
      Field{.name = "text",
            .help = "Only those with this in an id or in their arguments",
            .min_size = 1,
            .max_size = 1000}};
};
}  // namespace medsynth::described
