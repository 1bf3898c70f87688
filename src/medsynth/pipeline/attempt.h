// One attempt at a message as a state machine: what happened goes in, what is to be done next comes out. The
// state is what is to be done, and carrying it out (executor.h) is what makes the next event. Pure.
//
//   Attempt attempt;                                   // fetched: to be prepared
//   attempt = next(attempt, Ready{.admission = true});
//   attempt.effect == Effect::admit
//
// Every state but `none` has a way out: what Redis does not do now is tried again (the state stays), what it
// will never do becomes a dead letter with the reason, and an attempt that gives up leaves its message to
// recovery: in our ack set, where the next worker finds it. README.md has the picture.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include <boost/describe.hpp>

namespace medsynth::pipeline {

// In the order in which a batch carries them out: all are started before any of them runs.
enum class Effect : std::uint8_t {
  prepare,    // find its actor, read its arguments, choose its model
  admit,      // wait for slot, model lock and gates
  unmark,     // it is marked as running in Redis, and has to wait: no death is to be counted
  enter,      // wait for its turn in this process: beside others, or exclusively
  start,      // mark it as running in Redis, open its first attempt, ask whether it was aborted
  open,       // its record is not as it was created: let a script open the next attempt
  run,        // call the actor
  record,     // write the end into the record
  release,    // put the record back to pending
  settle,     // ack, retry or dead letter, with everything that follows from it
  bury,       // dead letter without what follows from it, which could not be written
  forget,     // it was cancelled and is settled: nobody has to be told any more
  give_back,  // to the head of its queue
  drop,       // it is no longer ours
  none,       // it has left our hands, or is left to recovery
};
BOOST_DESCRIBE_ENUM(Effect, prepare, admit, unmark, enter, start, open, run, record, release, settle, bury,
                    forget, give_back, drop, none)

// How it ends.
enum class End : std::uint8_t {
  completed,
  retrying,
  failed,
  cancelled,
  moved,  // its time has not come: to the delay queue, as it is
};
BOOST_DESCRIBE_ENUM(End, completed, retrying, failed, cancelled, moved)

struct Attempt {
  Effect effect = Effect::prepare;
  std::optional<End> end = {};  // known from when it is decided
  bool record = true;           // its task has a record
  bool opened = false;          // an attempt at it is ours,
  bool written = false;         // and the record says so
  bool marked = false;          // it counts as running: should we die now, that is a death of the message
  bool exclusive = false;       // it was running when a worker died: it runs by itself
  bool operator==(const Attempt&) const = default;
};

// What happened, by the effect that it comes of.
// Of any: Redis does not do it now, and may later. Nothing changes.
struct NotNow {};
// Of any: the process ends, and nobody waits any more.
struct GaveUp {};
// Of start, open, record, release, settle, bury: Redis will never do it.
struct Refused {};
// Of prepare.
struct Ready {
  bool admission = false;  // it needs a slot
  bool record = true;
};
// Of prepare and admit: it cannot or must not run, and ends like that.
struct Unfit {
  End end = End::failed;
  bool record = true;
};
// Of prepare: its time has not come.
struct TooEarly {};
// Of admit and enter.
struct Granted {};
// Of enter: another one runs exclusively, and until then it has to wait.
struct Crowded {};
// Of admit and enter: it would have to wait too long, or the worker ends. Of run: it is not called after all.
struct Postponed {};
// Of admit and enter: it was cancelled while it waited.
struct CancelledWaiting {};
// Of start.
struct Started {
  std::int64_t deaths = 0;  // of workers that ran it
  bool too_many = false;    // and that is enough
  bool aborted = false;     // by dramatiq-abort
  bool opened = false;      // its record is as it was created: the first attempt is ours,
  bool written = false;     // and the record says so already
};
// Of start, settle: somebody took the lease.
struct Lost {};
// Of open.
struct Opened {};
// Of open: the id belongs to another message that has not ended.
struct Taken {};
// Of open: the record has ended for this message, its worker died before it settled it. Without an end, or
// after a cancellation or deletion, nothing follows.
struct HasEnded {
  End end = End::cancelled;
};
// Of run.
struct Ran {
  End end = End::completed;
};
// Of run: it was stopped for the end of the worker.
struct Interrupted {};
// Of record: somebody else wrote there: it was cancelled or deleted, or our lease was taken while we stood
// still, perhaps to come back.
struct Stale {};
// Of all others: it was carried out.
struct Done {};

using Event =
    std::variant<NotNow, GaveUp, Refused, Ready, Unfit, TooEarly, Granted, Crowded, Postponed,
                 CancelledWaiting, Started, Lost, Opened, Taken, HasEnded, Ran, Interrupted, Stale, Done>;

// An event that does not come of the attempt's effect changes nothing.
Attempt next(const Attempt& attempt, const Event& event);

constexpr bool is_after_run(Effect effect) {
  return effect > Effect::run;
}

}  // namespace medsynth::pipeline
