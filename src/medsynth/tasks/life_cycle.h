// The states of a task and the one table of how they may change. Pure.
//
//   pending -> processing -> completed | failed | cancelled
//   processing -> retrying -> processing           (a failed attempt that is tried again)
//   processing -> pending                          (the message went back to its queue unfinished)
//   processing -> processing                       (its worker died: a new attempt)
//   pending | retrying -> cancelled
//
// The source document's set_task_status is not bound by it.
#pragma once

#include <array>
#include <string>

#include <boost/describe.hpp>

namespace medsynth::tasks {

enum class Status { pending, processing, retrying, completed, failed, cancelled };
BOOST_DESCRIBE_ENUM(Status, pending, processing, retrying, completed, failed, cancelled)

constexpr bool is_terminal(Status status) {
  return status == Status::completed || status == Status::failed || status == Status::cancelled;
}

struct Change {
  Status from;
  Status to;
};
inline constexpr std::array kChanges{
    Change{Status::pending, Status::processing},    Change{Status::pending, Status::cancelled},
    Change{Status::processing, Status::processing}, Change{Status::processing, Status::completed},
    Change{Status::processing, Status::failed},     Change{Status::processing, Status::cancelled},
    Change{Status::processing, Status::retrying},   Change{Status::processing, Status::pending},
    Change{Status::retrying, Status::processing},   Change{Status::retrying, Status::cancelled},
};

constexpr bool may_change(Status from, Status to) {
  for (const Change& change : kChanges)
    if (change.from == from && change.to == to) return true;
  return false;
}

// As in a record's field: "\"pending\"".
std::string json_text(Status status);
// The statuses that may become `to`, as JSON texts with commas between: what the scripts are told.
std::string json_texts_before(Status to);
// All that have ended, or all that have not.
std::string json_texts(bool terminal);

}  // namespace medsynth::tasks
