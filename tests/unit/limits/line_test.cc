#include "medsynth/limits/line.h"

#include <gtest/gtest.h>

#include "medsynth/base/described.h"

namespace medsynth::limits {
namespace {

constexpr std::uint64_t kGib = 1ULL << 30;
constexpr std::uint64_t kModel = 7, kOtherModel = 8;

// 16 GiB of which nothing is in use, limits of 100 % but for what a test is about.
Snapshot machine() {
  Snapshot snapshot;
  snapshot.sample = {.effective_cpus = 4, .memory_limit = 16 * kGib};
  return snapshot;
}

Waiting waiting(const Demand& demand, std::int64_t slots = 5) {
  return {.demand = demand,
          .limits = {.max_cpu_percent = 80,
                     .max_memory_percent = 99.99,
                     .max_gpu_percent = 100,
                     .max_concurrent_tasks = slots}};
}

Holding slot(double cpu, std::uint64_t memory = 0) {
  return {.pid = 1, .cpu_share_percent = cpu, .memory_bytes = memory};
}
// Of a task with a slot, which end together, and alone.
Holding task(std::uint64_t number) {
  return {.pid = 1, .task = number, .cpu_share_percent = 1};
}
Holding lock(std::uint64_t model, std::uint64_t number = 0) {
  return {.pid = 1, .slot = false, .model = model, .task = number};
}

// Why each waits: "" may go, "kept:..." finds room that is kept for an earlier one.
std::vector<std::string> reasons(const Snapshot& snapshot, const std::vector<Waiting>& line) {
  std::vector<std::string> out;
  for (const Verdict& verdict : verdicts(snapshot, line))
    out.push_back(verdict.admitted()
                      ? ""
                      : (verdict.kept ? "kept:" : "") + std::string(described::enum_name(verdict.cause)));
  return out;
}
using Reasons = std::vector<std::string>;

// Two slots, three who want one: the first two may go.
TEST(Line, ServesInOrder) {
  const Waiting one = waiting({.cpu_share_percent = 10}, 2);
  EXPECT_EQ(reasons(machine(), {one, one, one}), (Reasons{"", "", "slots"}));
}

// A large task waits for memory: a small one passes, for the large one could start beside it when the running
// task ends. One that would not leave it the room does not pass.
TEST(Line, LetsASmallOnePassALargeOne) {
  Snapshot snapshot = machine();
  snapshot.running = {slot(1, 8 * kGib)};
  const auto memory = [](std::uint64_t gib) {
    return waiting({.cpu_share_percent = 1, .memory_bytes = gib * kGib});
  };
  EXPECT_EQ(reasons(snapshot, {memory(10), memory(1)}), (Reasons{"memory", ""}));
  EXPECT_EQ(reasons(snapshot, {memory(10), memory(7)}), (Reasons{"memory", "kept:memory"}));
  // Which of the running ones ends first is not known: any may stay.
  snapshot.running = {slot(1, 4 * kGib), slot(1, 4 * kGib), slot(1, kGib)};
  EXPECT_EQ(reasons(snapshot, {memory(10), memory(1)}), (Reasons{"memory", "kept:memory"}));
}

// What ends within milliseconds waits for no gate, and behind nobody whom one holds up; but a slot is kept
// for one that lacks just that.
TEST(Line, LetsABriefOnePassAllWhomGatesHoldUp) {
  Snapshot snapshot = machine();
  snapshot.gates = {.cpu_closed = true, .memory_closed = true};
  const Waiting large = waiting({.cpu_share_percent = 60}, 1);
  const Waiting brief = waiting({.cpu_share_percent = 20, .gates = false}, 1);
  EXPECT_EQ(reasons(snapshot, {large, brief, brief}), (Reasons{"cpu", "", "slots"}));
  EXPECT_EQ(reasons(snapshot, {large, large, brief}), (Reasons{"cpu", "cpu", ""}));
  snapshot.gates = {};
  snapshot.running = {slot(60)};
  const Waiting alone = waiting({.cpu_share_percent = 79}, 2), two = waiting({.gates = false}, 2);
  EXPECT_EQ(reasons(snapshot, {alone, two}), (Reasons{"cpu", ""})) << "nor behind one that starts only alone";
  EXPECT_EQ(reasons(snapshot, {waiting({.gates = false}, 1), two}), (Reasons{"slots", "kept:slots"}));
}

// Small ones do not add up to hold the large one off: what passes is counted before the next is asked.
TEST(Line, DoesNotStarveTheLargeOne) {
  Snapshot snapshot = machine();
  snapshot.running = {slot(40)};
  const Waiting large = waiting({.cpu_share_percent = 60}), small = waiting({.cpu_share_percent = 8});
  EXPECT_EQ(reasons(snapshot, {large, small, small, small}), (Reasons{"cpu", "", "", "kept:cpu"}));
}

// One whose share is above the limit starts only alone: nothing passes it.
TEST(Line, KeepsTheMachineForOneThatNeedsItAll) {
  Snapshot snapshot = machine();
  snapshot.running = {slot(10)};
  EXPECT_EQ(reasons(snapshot, {waiting({.cpu_share_percent = 100}), waiting({.cpu_share_percent = 1})}),
            (Reasons{"cpu", "kept:cpu"}));
}

// MACHINE: a free task behind a blocked one must not wait (triton core #448): two wait for a busy model, one
// for another passes; the last slot but one is kept for the first, none for the second, who could not use it.
TEST(Line, DoesNotHoldUpOtherModels) {
  Snapshot snapshot = machine();
  snapshot.running = {task(3), lock(kModel, 3)};
  const auto wants = [](std::uint64_t model, std::int64_t slots) {
    return waiting({.cpu_share_percent = 1, .model = model}, slots);
  };
  EXPECT_EQ(reasons(snapshot, {wants(kModel, 3), wants(kModel, 3), wants(kOtherModel, 3)}),
            (Reasons{"model_lock", "model_lock", ""}));
  EXPECT_EQ(reasons(snapshot, {wants(kModel, 2), wants(kModel, 2), wants(kOtherModel, 2)}),
            (Reasons{"model_lock", "model_lock", ""}))
      << "the slot of the task that has the model comes free with it";
  snapshot.running.push_back(lock(kOtherModel));
  EXPECT_EQ(reasons(snapshot, {wants(kModel, 3), wants(kOtherModel, 3)}),
            (Reasons{"model_lock", "model_lock"}));
}

// The lock alone is held (by the document's call), and a task waits for it: the last slot is kept, for the
// lock may come free at any time.
TEST(Line, KeepsTheLastSlotForTheFirst) {
  Snapshot snapshot = machine();
  snapshot.running = {slot(1), lock(kModel)};
  const Waiting first = waiting({.cpu_share_percent = 1, .model = kModel}, 2);
  EXPECT_EQ(reasons(snapshot, {first, waiting({.cpu_share_percent = 1}, 2)}),
            (Reasons{"model_lock", "kept:slots"}));
}

// A running task asks for the lock of its model, behind one that waits for slot and lock together: it gets
// the lock, for the slot that the other waits for may be its own. One that has not begun is passed over so.
TEST(Line, KeepsNothingFromOneThatHasBegun) {
  Snapshot snapshot = machine();
  snapshot.running = {task(1)};
  const Waiting both = waiting({.cpu_share_percent = 1, .model = kModel}, 1);
  Waiting locks = waiting({.model = kModel, .slot = false, .gates = false}, 1);
  EXPECT_EQ(reasons(snapshot, {both, locks}), (Reasons{"slots", "kept:model_lock"}));
  locks.begun = true;
  EXPECT_EQ(reasons(snapshot, {both, locks}), (Reasons{"slots", ""}));
  EXPECT_EQ(reasons(snapshot, {locks, locks}), (Reasons{"", "model_lock"}));
}

// Who only wants to know takes nothing and is kept nothing for; one that was called and does not come is
// passed over.
TEST(Line, CountsOnlyThoseWhoTake) {
  Waiting asks = waiting({.cpu_share_percent = 1}, 1), late = asks;
  const Waiting task = asks;
  asks.takes = false;
  EXPECT_EQ(reasons(machine(), {asks, task, asks}), (Reasons{"", "", "slots"}));
  late.late = true;
  EXPECT_EQ(reasons(machine(), {late, task}), (Reasons{"", ""}));
}

// Two processes obey different limits: each waiter is judged by its own.
TEST(Line, JudgesEachByItsOwnLimits) {
  Snapshot snapshot = machine();
  snapshot.running = {slot(1)};
  EXPECT_EQ(reasons(snapshot, {waiting({.cpu_share_percent = 1}, 3), waiting({.cpu_share_percent = 1}, 1)}),
            (Reasons{"", "slots"}));
}

// Dozens of tasks run, of which there are too many sets to try: the answer comes, and it is the careful one.
TEST(Line, IsCarefulWhenThereIsTooMuchToTry) {
  Snapshot snapshot = machine();
  for (int i = 0; i < 60; ++i) snapshot.running.push_back(slot(1 + 0.001 * i));
  const auto found = verdicts(snapshot, std::vector{waiting({.cpu_share_percent = 40.0005}, 100),
                                                    waiting({.cpu_share_percent = 3}, 100)});
  EXPECT_TRUE(found[1].kept);
}

}  // namespace
}  // namespace medsynth::limits
