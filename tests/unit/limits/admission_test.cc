#include "medsynth/limits/admission.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "medsynth/base/described.h"

namespace medsynth::limits {
namespace {

constexpr std::uint64_t kGib = 1ULL << 30;
constexpr std::int32_t kSelf = 100;
constexpr std::int32_t kOther = 200;

Snapshot quiet() {
  Snapshot snapshot;
  snapshot.self = kSelf;
  snapshot.sample = {.effective_cpus = 4,
                     .cpu_percent = 2,
                     .memory_limit = 16 * kGib,
                     .memory_used = 2 * kGib,
                     .memory_percent = 12.5};
  return snapshot;
}

bool admitted(const Verdict& verdict) {
  return verdict.admitted();
}

// The reason of a refusal, with "never " in front of one for ever; "" for an admission.
std::string reason(const Verdict& verdict) {
  if (verdict.admitted()) return "";
  return (verdict.never ? "never " : "") + std::string(described::enum_name(verdict.cause));
}

// Gates and decision as the gatekeeper takes them.
Verdict judge(Snapshot& snapshot, const Demand& demand) {
  snapshot.gates = next_gates(snapshot);
  return decide(snapshot, demand);
}

constexpr std::uint64_t kModel = 7;

// A machine with nothing of ours on it lets a task in.
TEST(Admission, LetsATaskIntoAQuietMachine) {
  Snapshot snapshot = quiet();
  EXPECT_TRUE(admitted(judge(snapshot, {.cpu_share_percent = 50, .memory_bytes = kGib, .model = kModel})));
}

// As many tasks run as there are slots: the next one waits, and is told the numbers.
TEST(Admission, WaitsForASlot) {
  Snapshot snapshot = quiet();
  snapshot.limits.max_concurrent_tasks = 2;
  snapshot.running.resize(2);
  const Verdict verdict = judge(snapshot, {});
  EXPECT_EQ(reason(verdict), "slots");
  EXPECT_EQ(explain(snapshot, {}, verdict, {}).detail, "2 of 2 slots are taken");
  EXPECT_TRUE(admitted(judge(snapshot, {.slot = false})));
}

// The model has as many users as it may have: the next one waits, a task without it does not.
TEST(Admission, WaitsForTheModel) {
  Snapshot snapshot = quiet();
  snapshot.running = {{.slot = false, .model = kModel}, {.slot = false, .model = kModel}};
  const Demand two{.model = kModel, .model_parallel = 2};
  EXPECT_EQ(reason(judge(snapshot, two)), "model_lock");
  EXPECT_EQ(explain(snapshot, two, judge(snapshot, two), {.model = "m"}).detail,
            "model 'm' is in use (2 of 2)");
  EXPECT_TRUE(admitted(judge(snapshot, {.model = kModel, .model_parallel = 3})));
  EXPECT_TRUE(admitted(judge(snapshot, {.model = kModel + 1})));
  EXPECT_TRUE(admitted(judge(snapshot, {})));
}

// A running task of ours uses all that it has reserved: that is counted once, not as load of others on top.
TEST(Admission, CountsOurOwnLoadByItsShare) {
  Snapshot snapshot = quiet();
  snapshot.running = {{.pid = kSelf, .cpu_share_percent = 25}};
  snapshot.sample.cpu_percent = 70;
  snapshot.sample.own_cpu_percent = 65;
  EXPECT_NEAR(load_of(snapshot).foreign_cpu_percent, 5, 1e-9);
  EXPECT_TRUE(admitted(judge(snapshot, {.cpu_share_percent = 50})));
  EXPECT_EQ(reason(judge(snapshot, {.cpu_share_percent = 51})), "cpu");
}

// Another process of ours runs with a share: its measured use is ours too.
TEST(Admission, CountsOtherProcessesOfOurs) {
  Snapshot snapshot = quiet();
  snapshot.running = {{.pid = kOther, .cpu_share_percent = 25}};
  snapshot.processes = {{.pid = kOther, .cpu_percent = 40}};
  snapshot.sample.cpu_percent = 45;
  EXPECT_NEAR(load_of(snapshot).foreign_cpu_percent, 5, 1e-9);
  EXPECT_NEAR(load_of(snapshot).reserved_cpu_percent, 25, 1e-9);
}

// A slot that declares no share (the source document's call) counts as what its process is measured to use.
TEST(Admission, CountsUndeclaredLoadAsMeasured) {
  Snapshot snapshot = quiet();
  snapshot.running = {{.pid = kSelf}, {.pid = kOther}};
  snapshot.processes = {{.pid = kOther, .cpu_percent = 50}};
  snapshot.sample.cpu_percent = 95;
  snapshot.sample.own_cpu_percent = 45;
  EXPECT_EQ(reason(judge(snapshot, {})), "cpu");
}

// A single task whose share is more than the limit runs when nothing else of ours does; others' load still
// counts.
TEST(Admission, LetsOneLargeTaskInAlone) {
  Snapshot snapshot = quiet();
  const Demand all{.cpu_share_percent = 100};
  snapshot.sample.cpu_percent = 79;
  EXPECT_TRUE(admitted(judge(snapshot, all)));
  snapshot.sample.cpu_percent = 81;
  EXPECT_EQ(reason(judge(snapshot, all)), "cpu");
  snapshot.sample.cpu_percent = 2;
  snapshot.running.resize(1);
  EXPECT_EQ(reason(judge(snapshot, all)), "cpu");
}

// The default share of inference fills the limit exactly; a machine that is not at 0 % must still run it.
TEST(Admission, DoesNotStarveATaskThatFillsTheLimit) {
  Snapshot snapshot = quiet();
  EXPECT_TRUE(admitted(judge(snapshot, {.cpu_share_percent = 80})));
  EXPECT_EQ(reason(judge(snapshot, {.cpu_share_percent = 75})), "") << "75 + 2 fits";
  snapshot.sample.cpu_percent = 40;
  EXPECT_EQ(reason(judge(snapshot, {.cpu_share_percent = 50})), "cpu");
}

// Memory that a task reserved and has not taken yet is counted; once its process shows it, it is not counted
// twice.
TEST(Admission, CountsReservedMemoryUntilItShows) {
  Snapshot snapshot = quiet();
  snapshot.running = {{.pid = kSelf, .memory_bytes = 8 * kGib, .memory_base = kGib}};
  snapshot.processes = {{.pid = kSelf, .anonymous_bytes = kGib}};
  EXPECT_DOUBLE_EQ(load_of(snapshot).memory_bytes, 10.0 * kGib);
  EXPECT_EQ(reason(judge(snapshot, {.memory_bytes = 4 * kGib})), "memory");
  snapshot.processes[0].anonymous_bytes = 9 * kGib;
  snapshot.sample.memory_used = 10 * kGib;
  EXPECT_DOUBLE_EQ(load_of(snapshot).memory_bytes, 10.0 * kGib);
  EXPECT_EQ(reason(judge(snapshot, {.memory_bytes = 2 * kGib})), "");
}

// More memory than the limit allows at all: refused for ever, at once, unless the gate is off or the total
// unknown.
TEST(Admission, RefusesForEverWhatCanNeverFit) {
  Snapshot snapshot = quiet();
  const Demand needs{.memory_bytes = 13 * kGib};
  EXPECT_EQ(reason(judge(snapshot, needs)), "never memory");
  snapshot.limits.max_concurrent_tasks = 1;
  snapshot.running.resize(1);
  EXPECT_EQ(reason(judge(snapshot, needs)), "never memory");
  snapshot.running.clear();
  snapshot.limits.max_memory_percent = 100;
  EXPECT_EQ(reason(judge(snapshot, needs)), "");
  snapshot.limits.max_memory_percent = 80;
  snapshot.sample.memory_limit = 0;
  EXPECT_EQ(reason(judge(snapshot, needs)), "");
  snapshot.sample.memory_percent = 81;
  EXPECT_EQ(reason(judge(snapshot, {})), "memory");
}

// GPU memory is admitted like memory; without a GPU what needs one never starts.
TEST(Admission, AdmitsGpuMemory) {
  Snapshot snapshot = quiet();
  EXPECT_EQ(reason(judge(snapshot, {.gpu_bytes = 1})), "never gpu_memory");
  snapshot.sample.gpu_memory_total = 10 * kGib;
  snapshot.sample.gpu_memory_free = 9 * kGib;
  EXPECT_EQ(reason(judge(snapshot, {.gpu_bytes = 7 * kGib})), "");
  EXPECT_EQ(reason(judge(snapshot, {.gpu_bytes = 9 * kGib})), "never gpu_memory");
  snapshot.running = {{.pid = kSelf, .gpu_bytes = 4 * kGib, .gpu_base = kGib}};
  EXPECT_EQ(reason(judge(snapshot, {.gpu_bytes = 4 * kGib})), "gpu_memory");
  EXPECT_EQ(reason(judge(snapshot, {.gpu_bytes = 3 * kGib})), "");
  snapshot.sample.gpu_memory_free = 5 * kGib;  // the four are there now
  EXPECT_EQ(reason(judge(snapshot, {.gpu_bytes = 3 * kGib})), "");
}

// Others keep the GPU busy: tasks wait. A task of ours does: it does not close the gate for the next one.
TEST(Admission, WaitsForAGpuThatOthersUse) {
  Snapshot snapshot = quiet();
  snapshot.sample.gpu_percent = 95;
  EXPECT_EQ(reason(judge(snapshot, {})), "gpu");
  snapshot.running = {{.pid = kSelf, .gpu_bytes = kGib}};
  EXPECT_EQ(reason(judge(snapshot, {})), "");
}

// While tasks run, a closed gate opens only a little below its limit; with none running it opens at the
// limit, or it might stay closed for ever over memory that nobody frees.
TEST(Admission, GatesDoNotFlap) {
  Snapshot snapshot = quiet();
  snapshot.running.resize(1);
  const auto cpu_closed_at = [&](double percent) {
    snapshot.sample.cpu_percent = percent;
    snapshot.gates = next_gates(snapshot);
    return snapshot.gates.cpu_closed;
  };
  EXPECT_FALSE(cpu_closed_at(79));
  EXPECT_TRUE(cpu_closed_at(81));
  EXPECT_TRUE(cpu_closed_at(79));
  EXPECT_TRUE(cpu_closed_at(76));
  EXPECT_FALSE(cpu_closed_at(75));
  EXPECT_FALSE(cpu_closed_at(79));
  EXPECT_TRUE(cpu_closed_at(81));
  snapshot.running.clear();
  EXPECT_FALSE(cpu_closed_at(79));
}

// A limit of 100 switches a gate off, whatever is measured.
TEST(Admission, HundredSwitchesAGateOff) {
  Snapshot snapshot = quiet();
  snapshot.sample.cpu_percent = snapshot.sample.gpu_percent = 100;
  snapshot.sample.memory_used = snapshot.sample.memory_limit;
  snapshot.limits = {
      .max_cpu_percent = 100, .max_memory_percent = 100, .max_gpu_percent = 100, .max_concurrent_tasks = 5};
  EXPECT_TRUE(
      admitted(judge(snapshot, {.cpu_share_percent = 100, .memory_bytes = 20 * kGib, .gpu_bytes = kGib})));
}

// Of tasks whose share nobody knows one starts at a time, until its load was measured; those of known shares
// are not held up.
TEST(Admission, LetsUnknownSharesInOneByOne) {
  Snapshot snapshot = quiet();
  snapshot.running = {{.pid = kSelf, .unseen = true}};
  EXPECT_EQ(reason(judge(snapshot, {})), "cpu");
  EXPECT_TRUE(admitted(judge(snapshot, {.cpu_share_percent = 10})));
  snapshot.running[0].unseen = false;
  EXPECT_TRUE(admitted(judge(snapshot, {})));
}

// Nobody knows how busy the CPUs are: tasks run one at a time, and say why they wait. A gate that is off asks
// nothing.
TEST(Admission, RunsOneTaskAtATimeWhileCpuUseIsUnknown) {
  Snapshot snapshot = quiet();
  snapshot.sample.cpu_percent = 99;
  snapshot.gates = next_gates(snapshot);
  ASSERT_TRUE(snapshot.gates.cpu_closed);
  snapshot.sample.cpu_percent.reset();
  EXPECT_EQ(reason(judge(snapshot, {.cpu_share_percent = 50})), "") << "not closed for ever";
  snapshot.running = {{.pid = kSelf, .cpu_share_percent = 10}};
  const Verdict second = judge(snapshot, {.cpu_share_percent = 10});
  EXPECT_EQ(reason(second), "cpu") << "nor an idle machine";
  EXPECT_NE(explain(snapshot, {}, second, {}).detail.find("unknown"), std::string::npos);
  snapshot.limits.max_cpu_percent = 100;
  EXPECT_EQ(reason(judge(snapshot, {.cpu_share_percent = 10})), "");
}

// Nobody knows how much memory is free: what needs some starts only alone, what needs none is not held back.
TEST(Admission, StartsWhatNeedsMemoryAloneWhileItsUseIsUnknown) {
  Snapshot snapshot = quiet();
  snapshot.sample.memory_limit = snapshot.sample.memory_used = 0;
  snapshot.sample.memory_percent.reset();
  snapshot.gates.memory_closed = true;
  EXPECT_EQ(reason(judge(snapshot, {.cpu_share_percent = 5, .memory_bytes = kGib})), "");
  snapshot.running = {{.pid = kSelf, .cpu_share_percent = 5}};
  EXPECT_EQ(reason(judge(snapshot, {.cpu_share_percent = 5, .memory_bytes = kGib})), "memory");
  EXPECT_EQ(reason(judge(snapshot, {.cpu_share_percent = 5})), "");
}

// A GPU that does not answer any more: what needs it waits, and not for ever refused; nothing else waits for
// it.
TEST(Admission, WaitsForAGpuOnlyWithWhatNeedsIt) {
  Snapshot snapshot = quiet();
  snapshot.sample.gpu_percent = 95;
  snapshot.gates = next_gates(snapshot);
  ASSERT_TRUE(snapshot.gates.gpu_closed);
  snapshot.sample.gpu_percent.reset();
  snapshot.sample.gpu_memory_total.reset();
  EXPECT_EQ(reason(judge(snapshot, {})), "");
  const Demand needs{.gpu_bytes = kGib};
  EXPECT_EQ(reason(judge(snapshot, needs)), "gpu_memory");
  EXPECT_NE(explain(snapshot, needs, judge(snapshot, needs), {}).detail.find("unknown"), std::string::npos);
}

Limits any_limits() {
  const auto percent = [] { return static_cast<double>(*rc::gen::inRange(1, 101)); };
  return {.max_cpu_percent = percent(),
          .max_memory_percent = percent(),
          .max_gpu_percent = percent(),
          .max_concurrent_tasks = *rc::gen::inRange<std::int64_t>(1, 9)};
}

Demand any_needs() {
  return {.cpu_share_percent = static_cast<double>(*rc::gen::inRange(0, 121)),
          .memory_bytes = *rc::gen::inRange<std::uint64_t>(0, 12) * kGib,
          .gpu_bytes = *rc::gen::inRange<std::uint64_t>(0, 6) * kGib};
}

// Tasks come and go, the load of others moves: whatever is admitted, no limit is exceeded by what we let in.
RC_GTEST_PROP(AdmissionProperty, NeverExceedsALimit, ()) {
  Snapshot snapshot = quiet();
  snapshot.limits = any_limits();
  snapshot.sample.gpu_memory_total = snapshot.sample.gpu_memory_free = 8 * kGib;
  for (int step = 0; step < 30; ++step) {
    snapshot.sample.cpu_percent = *rc::gen::inRange(0, 101);
    snapshot.sample.memory_used = *rc::gen::inRange<std::uint64_t>(0, 17) * kGib;
    if (!snapshot.running.empty() && *rc::gen::arbitrary<bool>()) snapshot.running.pop_back();
    const bool alone = snapshot.running.empty();
    const Demand needs = any_needs();
    if (!admitted(judge(snapshot, needs))) continue;
    snapshot.running.push_back({.pid = kSelf,
                                .cpu_share_percent = needs.cpu_share_percent,
                                .memory_bytes = needs.memory_bytes,
                                .gpu_bytes = needs.gpu_bytes});
    const Load load = load_of(snapshot);
    const Limits& limits = snapshot.limits;
    RC_ASSERT(static_cast<std::int64_t>(snapshot.running.size()) <= limits.max_concurrent_tasks);
    if (limits.max_cpu_percent < 100) {
      RC_ASSERT(load.foreign_cpu_percent <= limits.max_cpu_percent);
      RC_ASSERT(alone || load.foreign_cpu_percent + load.reserved_cpu_percent <= limits.max_cpu_percent);
    }
    if (limits.max_memory_percent < 100) RC_ASSERT(load.memory_percent <= limits.max_memory_percent + 1e-9);
    if (limits.max_gpu_percent < 100 && needs.gpu_bytes > 0)
      RC_ASSERT(load.gpu_memory_percent <= limits.max_gpu_percent + 1e-9);
  }
}

// Nothing of ours runs, others leave room for the task: it is let in, whatever the gates were before.
RC_GTEST_PROP(AdmissionProperty, LetsInWhatFitsWhenIdle, ()) {
  Snapshot snapshot = quiet();
  snapshot.limits = any_limits();
  snapshot.gates = {*rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>()};
  const auto up_to = [](double most) {
    return static_cast<double>(*rc::gen::inRange(0, static_cast<int>(most) + 1));
  };
  const double foreign = up_to(snapshot.limits.max_cpu_percent);
  snapshot.sample.cpu_percent = foreign;
  snapshot.sample.gpu_percent = up_to(snapshot.limits.max_gpu_percent);
  const auto part = [](std::uint64_t of, double percent) {
    return static_cast<std::uint64_t>(static_cast<double>(of) * percent / 100);
  };
  const double used = up_to(snapshot.limits.max_memory_percent);
  snapshot.sample.memory_used = part(16 * kGib, used);
  snapshot.sample.gpu_memory_total = snapshot.sample.gpu_memory_free = 8 * kGib;
  const bool huge = *rc::gen::arbitrary<bool>();  // a share above the limit, which counts for nothing alone
  const Demand needs{.cpu_share_percent = huge ? 101 : up_to(snapshot.limits.max_cpu_percent - foreign),
                     .memory_bytes = part(16 * kGib, up_to(snapshot.limits.max_memory_percent - used)),
                     .gpu_bytes = part(8 * kGib, up_to(snapshot.limits.max_gpu_percent))};
  RC_ASSERT(admitted(judge(snapshot, needs)));
}

// A refusal has numbers beside its words: what may be had now, and what the task takes.
TEST(Admission, ARefusalSaysWhatThereIsAndWhatIsNeeded) {
  Snapshot snapshot = quiet();
  snapshot.sample.memory_limit = 10 * kGib;
  snapshot.sample.memory_used = 6 * kGib;
  snapshot.limits.max_memory_percent = 80;
  const Demand large{.memory_bytes = 4 * kGib};
  const Wait memory = explain(snapshot, large, judge(snapshot, large), {});
  EXPECT_EQ(memory.reason, "memory");
  EXPECT_DOUBLE_EQ(memory.have.value(), 2.0 * kGib);
  EXPECT_DOUBLE_EQ(memory.need.value(), 4.0 * kGib);
  snapshot.limits.max_concurrent_tasks = 1;
  snapshot.running = {{.pid = kSelf}};
  const Wait slots = explain(snapshot, {}, judge(snapshot, {}), {});
  EXPECT_EQ(slots.reason, "slots");
  EXPECT_DOUBLE_EQ(slots.have.value(), 0);
  EXPECT_DOUBLE_EQ(slots.need.value(), 1);
}

}  // namespace
}  // namespace medsynth::limits
