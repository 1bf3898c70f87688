#include "medsynth/pipeline/attempt.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/base/described.h"

namespace medsynth::pipeline {

void PrintTo(const Attempt& a, std::ostream* out) {
  *out << described::enum_name(a.effect) << (a.end ? " end " + std::string(described::enum_name(*a.end)) : "")
       << (a.record ? " record" : "") << (a.opened ? " opened" : "") << (a.written ? " written" : "")
       << (a.marked ? " marked" : "") << (a.exclusive ? " exclusive" : "");
}

namespace {

using E = Effect;

constexpr Attempt kStart{.effect = E::start};
constexpr Attempt kMarked{.effect = E::open, .marked = true};
constexpr Attempt kRuns{.effect = E::run, .opened = true, .marked = true};
constexpr Attempt kByScript{.effect = E::run, .opened = true, .written = true, .marked = true};

Attempt with(Attempt attempt, E effect, std::optional<End> end = {}) {
  attempt.effect = effect;
  if (end) attempt.end = end;
  return attempt;
}

// Every transition that changes something: from, what happened, what is to be done then.
struct Row {
  std::string why;
  Attempt from;
  Event event;
  Attempt to;
};
std::vector<Row> rows() {
  const Attempt untracked{.effect = E::start, .record = false};
  const Attempt suspect{.effect = E::unmark, .marked = true, .exclusive = true};
  const Attempt exclusive{.effect = E::start, .exclusive = true};
  return {
      {"a plain one asks for a slot", {}, Ready{.admission = true}, {.effect = E::admit}},
      {"a brief one does not", {}, Ready{}, {.effect = E::enter}},
      {"one without a record", {}, Ready{.record = false}, {.effect = E::enter, .record = false}},
      {"wrong arguments end in the record", {}, Unfit{End::failed}, with({}, E::start, End::failed)},
      {"of an unknown actor, too",
       {},
       Unfit{End::failed, false},
       {.effect = E::start, .end = End::failed, .record = false}},
      {"before its time", {}, TooEarly{}, with({}, E::settle, End::moved)},
      {"a slot", {.effect = E::admit}, Granted{}, {.effect = E::enter}},
      {"no slot soon", {.effect = E::admit}, Postponed{}, {.effect = E::give_back}},
      {"cancelled while it waited",
       {.effect = E::admit},
       CancelledWaiting{},
       with({}, E::start, End::cancelled)},
      {"it can never fit",
       {.effect = E::admit, .record = false},
       Unfit{End::retrying},
       {.effect = E::start, .end = End::retrying, .record = false}},
      {"a place", {.effect = E::enter}, Granted{}, kStart},
      {"the worker ends", {.effect = E::enter}, Postponed{}, {.effect = E::give_back}},
      {"cancelled in the line", {.effect = E::enter}, CancelledWaiting{}, with({}, E::start, End::cancelled)},
      {"it waits, and is marked since it was fetched",
       {.effect = E::enter, .marked = true},
       Crowded{},
       {.effect = E::unmark, .marked = true}},
      {"and no more", {.effect = E::unmark, .marked = true}, Done{}, {.effect = E::enter}},
      {"the mark stays where Redis says no",
       {.effect = E::unmark, .marked = true},
       Refused{},
       {.effect = E::enter, .marked = true}},
      {"a fresh record", kStart, Started{.opened = true}, kRuns},
      {"a fresh record, and it says so", kStart, Started{.opened = true, .written = true}, kByScript},
      {"another record", kStart, Started{}, kMarked},
      {"no record", untracked, Started{}, {.effect = E::run, .record = false, .marked = true}},
      {"it killed a worker", kStart, Started{.deaths = 1, .opened = true}, suspect},
      {"it killed a worker, and its record says that it runs",
       kStart,
       Started{.deaths = 1, .opened = true, .written = true},
       {.effect = E::unmark, .opened = true, .written = true, .marked = true, .exclusive = true}},
      {"then it is by itself",
       with(suspect, E::enter),
       Granted{},
       {.effect = E::start, .marked = true, .exclusive = true}},
      {"and runs",
       exclusive,
       Started{.deaths = 1, .opened = true},
       {.effect = E::run, .opened = true, .marked = true, .exclusive = true}},
      {"it killed too many", kStart, Started{.deaths = 3, .too_many = true, .opened = true},
       with(kRuns, E::record, End::failed)},
      {"too many, and another record", kStart, Started{.deaths = 3, .too_many = true},
       with(kMarked, E::open, End::failed)},
      {"aborted", kStart, Started{.aborted = true, .opened = true}, with(kRuns, E::record, End::cancelled)},
      {"what ends unrun needs no turn by itself", with({}, E::start, End::failed),
       Started{.deaths = 1, .opened = true}, with(kRuns, E::record, End::failed)},
      {"unrun, without a record",
       {.effect = E::start, .end = End::failed, .record = false},
       Started{},
       {.effect = E::settle, .end = End::failed, .record = false, .marked = true}},
      {"somebody has it", kStart, Lost{}, with(kStart, E::drop)},
      {"its start can never be noted", kStart, Refused{}, with(kStart, E::bury, End::failed)},
      {"nobody waits", kStart, GaveUp{}, with(kStart, E::give_back)},
      {"opened", kMarked, Opened{}, kByScript},
      {"opened, to end unrun", with(kMarked, E::open, End::cancelled), Opened{},
       with(kByScript, E::record, End::cancelled)},
      {"taken", kMarked, Taken{}, with(kMarked, E::settle, End::failed)},
      {"ended before", kMarked, HasEnded{End::completed}, with(kMarked, E::settle, End::completed)},
      {"cancelled before", kMarked, HasEnded{}, with(kMarked, E::settle, End::cancelled)},
      {"no record can be there", kMarked, Refused{}, with(kMarked, E::bury, End::failed)},
      {"nobody waits for its record", kMarked, GaveUp{}, with(kMarked, E::give_back)},
      {"it ran", kRuns, Ran{End::completed}, with(kRuns, E::record, End::completed)},
      {"it ran without a record",
       {.effect = E::run, .record = false, .marked = true},
       Ran{End::retrying},
       {.effect = E::settle, .end = End::retrying, .record = false, .marked = true}},
      {"it was not called", kRuns, Postponed{}, with(kRuns, E::give_back)},
      {"it was not called, and its record says processing", kByScript, Postponed{},
       with(kByScript, E::release)},
      {"it was stopped", kRuns, Interrupted{}, with(kRuns, E::release)},
      {"it was stopped, and has no record",
       {.effect = E::run, .record = false},
       Interrupted{},
       {.effect = E::give_back, .record = false}},
      {"recorded", with(kRuns, E::record, End::completed), Done{}, with(kRuns, E::settle, End::completed)},
      {"somebody wrote there",
       with(kByScript, E::record, End::completed),
       Stale{},
       {.effect = E::start, .end = End::completed, .marked = true}},
      {"its record is broken", with(kRuns, E::record, End::completed), Refused{},
       with(kRuns, E::bury, End::failed)},
      {"unrecorded", with(kRuns, E::record, End::completed), GaveUp{}, with(kRuns, E::none, End::completed)},
      {"released", with(kRuns, E::release), Done{}, with(kRuns, E::give_back)},
      {"it cannot be released", with(kRuns, E::release), Refused{}, with(kRuns, E::give_back)},
      {"nobody waits for that", with(kRuns, E::release), GaveUp{}, with(kRuns, E::give_back)},
      {"settled", with(kRuns, E::settle, End::completed), Done{}, with(kRuns, E::none, End::completed)},
      {"settled, cancelled", with(kRuns, E::settle, End::cancelled), Done{},
       with(kRuns, E::forget, End::cancelled)},
      {"settled by somebody", with(kRuns, E::settle, End::cancelled), Lost{},
       with(kRuns, E::drop, End::cancelled)},
      {"what follows cannot be", with(kRuns, E::settle, End::completed), Refused{},
       with(kRuns, E::bury, End::failed)},
      {"unsettled", with(kRuns, E::settle, End::completed), GaveUp{}, with(kRuns, E::none, End::completed)},
      {"buried", with(kRuns, E::bury, End::failed), Done{}, with(kRuns, E::none, End::failed)},
      {"buried by somebody", with(kRuns, E::bury, End::failed), Lost{}, with(kRuns, E::drop, End::failed)},
      {"unburied", with(kRuns, E::bury, End::failed), GaveUp{}, with(kRuns, E::none, End::failed)},
      {"forgotten", with(kRuns, E::forget), Done{}, with(kRuns, E::none)},
      {"not forgotten: it expires", with(kRuns, E::forget), Refused{}, with(kRuns, E::none)},
      {"not forgotten at the end", with(kRuns, E::forget), GaveUp{}, with(kRuns, E::none)},
      {"given back", with(kRuns, E::give_back), Done{}, with(kRuns, E::none)},
      {"dropped", with(kRuns, E::drop), Done{}, with(kRuns, E::none)},
  };
}

TEST(Attempt, GoesFromStateToState) {
  for (const Row& row : rows()) EXPECT_EQ(next(row.from, row.event), row.to) << row.why;
}

const std::vector<Event>& all_events() {
  static const std::vector<Event> events{NotNow{},
                                         GaveUp{},
                                         Refused{},
                                         Ready{.admission = true},
                                         Ready{},
                                         Unfit{},
                                         TooEarly{},
                                         Granted{},
                                         Crowded{},
                                         Postponed{},
                                         CancelledWaiting{},
                                         Started{.opened = true},
                                         Started{.deaths = 1},
                                         Started{.aborted = true},
                                         Lost{},
                                         Opened{},
                                         Taken{},
                                         HasEnded{},
                                         Ran{},
                                         Interrupted{},
                                         Stale{},
                                         Done{}};
  return events;
}

std::vector<Attempt> all_attempts() {
  std::vector<Attempt> attempts;
  for (int effect = 0; effect <= static_cast<int>(E::none); ++effect)
    for (int flags = 0; flags < 32; ++flags)
      for (int end = 0; end < 6; ++end)
        attempts.push_back({.effect = static_cast<E>(effect),
                            .end = end == 0 ? std::nullopt : std::optional(static_cast<End>(end - 1)),
                            .record = (flags & 1) != 0,
                            .opened = (flags & 2) != 0,
                            .written = (flags & 4) != 0,
                            .marked = (flags & 8) != 0,
                            .exclusive = (flags & 16) != 0});
  return attempts;
}

// In whatever state: what Redis does not do now changes nothing, what has left stays away, and one that is by
// itself never runs beside others again.
TEST(Attempt, HoldsInEveryState) {
  for (const Attempt& attempt : all_attempts()) {
    EXPECT_EQ(next(attempt, NotNow{}), attempt);
    for (const Event& event : all_events()) {
      const Attempt then = next(attempt, event);
      if (attempt.effect == E::none) EXPECT_EQ(then, attempt);
      if (attempt.exclusive) EXPECT_TRUE(then.exclusive);
      // Backwards only to wait for its turn, or to see whether it is still ours.
      if (then.effect < attempt.effect)
        EXPECT_TRUE(then.effect == E::unmark || then.effect == E::enter || attempt.effect == E::record);
    }
  }
}

// An end that is known is settled or buried before it has left our hands, but for what others or recovery see
// to; and nothing runs after it.
TEST(Attempt, AnEndIsNeverForgotten) {
  for (const Attempt& attempt : all_attempts()) {
    if (!attempt.end || attempt.effect == E::run) continue;
    for (const Event& event : all_events()) {
      const Attempt then = next(attempt, event);
      EXPECT_TRUE(then.end);
      EXPECT_NE(then.effect, E::run);
    }
  }
}

}  // namespace
}  // namespace medsynth::pipeline
