// What each attempt at a task went through: kept in the record with the writes that it has anyway, a field for
// each of the last 20 attempts, which no TaskInfo shows. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/base/described.h"
#include "medsynth/tasks/record.h"

namespace medsynth::tasks {

inline constexpr std::int64_t kAttemptsKept = 20;

// What an attempt does at a time. Stored: the names are frozen.
struct Phase {
  std::string_view name;  // waiting | load | run; static
  std::string detail;     // of waiting: the reason; of load: the model
  WallTime from;
  std::optional<WallTime> to = {};  // nullopt: it goes on
};

// One attempt, as a worker writes it down.
struct AttemptNotes {
  std::int64_t number = 0;
  std::string_view worker;  // host and worker id; "": the record says it, and no attempt follows
  std::vector<Phase> phases = {};
  std::string_view error = "";                   // why it failed
  std::optional<WallTime> next_attempt_at = {};  // it is tried again then
};

// Puts them among the fields of a write, in the place of what these fields say of an attempt already.
void put_notes(Fields& fields, const AttemptNotes& notes);
// Whether a field of a record is one of these.
bool is_notes(std::string_view field);

// --- what people see

struct TimelinePhase {
  std::string name;  // queued | waiting | load | run | record | retry_delay | lost
  std::string from;
  std::optional<std::string> to;  // null: it goes on
  std::string detail;
};
BOOST_DESCRIBE_STRUCT(TimelinePhase, (), (name, from, to, detail))

struct TimelineAttempt {
  std::int64_t number = 0;
  std::optional<std::string> worker;  // its id; null: none has taken it yet
  std::optional<std::string> host;
  std::vector<TimelinePhase> phases;
  std::optional<std::string> error;
};
BOOST_DESCRIBE_STRUCT(TimelineAttempt, (), (number, worker, host, phases, error))

struct Timeline {
  std::vector<TimelineAttempt> attempts;  // the last 20, and the one to come where one does; oldest first
};
BOOST_DESCRIBE_STRUCT(Timeline, (), (attempts))

// What cannot be read of the record is left out. `now` as the record's times: Redis'.
Timeline timeline_of(const Record& record, WallTime now);

}  // namespace medsynth::tasks
