#include "medsynth/models/plan.h"

#include <gtest/gtest.h>

#include "unit/models/plan_world.h"

namespace medsynth::models {
namespace {

using namespace std::chrono_literals;

const Error kBroken{Code::invalid_argument, "broken file", "not_a_model"};
const Error kNoMemory{Code::exhausted, "no memory", "no_memory"};
constexpr std::uint64_t kMb = 1 << 20;

using Unloads = std::vector<std::pair<std::string, UnloadReason>>;
using Tickets = std::vector<Ticket>;
using Ids = std::vector<std::string>;

Metadata megabytes(std::uint64_t count) {
  return {.memory_bytes = count * kMb};
}

struct PlanTest : testing::Test {
  World world{{.max_models = 2, .ttl = 1000ms}};

  void TearDown() override { EXPECT_EQ(world.broken, ""); }

  void request(Ticket ticket, const std::string& id, const Metadata& metadata = {}) {
    world.request(ticket, id, metadata);
    world.run();
  }
  void load(const std::string& id, LoadReport report = {}) { world.load(id, report), world.run(); }
  void let_go(Ticket ticket, std::optional<std::chrono::milliseconds> keep = {}) {
    world.let_go(ticket, keep);
    world.run();
  }
  void unload(const std::string& id) { world.unload(id), world.run(); }
  void pass(std::chrono::milliseconds time) { world.tick(time), world.run(); }
  // A model that was loaded for one ticket and is no longer used.
  void load_idle(const std::string& id, const Metadata& metadata = {}, LoadReport report = {}) {
    request(next_ticket, id, metadata);
    load(id, report);
    let_go(next_ticket++);
    pass(1ms);
  }
  std::string state_of(const std::string& id) {
    world.observe();
    for (const ModelStats& model : world.plan.stats(world.now, {}).models) {
      if (model.id == id) return model.state;
    }
    return "absent";
  }
  Ticket next_ticket = 100;
};

struct BytesTest : PlanTest {
  BytesTest() { world = World({.max_models = 10, .ttl = -1ms, .max_bytes = 100 * kMb}); }
};

// A cold model asked for by three: one load, whose end serves all three.
TEST_F(PlanTest, BurstCausesOneLoad) {
  for (const Ticket each : {1, 2, 3}) request(each, "a");
  EXPECT_EQ(world.started, Ids{"a"});
  load("a", {.seconds = 0.5});
  EXPECT_EQ(world.granted, (Tickets{1, 2, 3}));
  request(4, "a");
  world.observe();
  const CacheStats stats = world.plan.stats(world.now, {});
  EXPECT_EQ(stats.misses, 1);
  EXPECT_EQ(stats.coalesced, 2);
  EXPECT_EQ(stats.hits, 1);
  EXPECT_EQ(stats.models[0].users, 4);
}

// Full, both idle and used alike: the one whose last use ended first goes, and the load waits until it has
// gone.
TEST_F(PlanTest, EvictsAndWaitsUntilItHasGone) {
  load_idle("a");
  load_idle("b");
  ASSERT_TRUE(world.take(7, "a"));
  let_go(7);
  request(1, "c");
  EXPECT_EQ(world.unloads, (Unloads{{"b", UnloadReason::evicted}}));
  EXPECT_EQ(state_of("c"), "reserved");
  EXPECT_EQ(world.started, (Ids{"a", "b"}));
  unload("b");
  EXPECT_EQ(world.started.back(), "c");
}

// Full, everything in use: who asks waits; the first place that falls free is theirs, in the order of asking.
TEST_F(PlanTest, WaitsForPlaceInOrder) {
  for (const auto* id : {"a", "b"}) {
    request(next_ticket++, id);
    load(id);
  }
  request(2, "c");
  request(3, "d");
  EXPECT_EQ(state_of("c"), "queued");
  let_go(101);
  unload("b");
  EXPECT_EQ(world.started.back(), "c");
  EXPECT_TRUE(world.leave(3).for_place);
}

// Somebody uses the victim between the choice and its commit: it is rescued, and another goes at once.
TEST_F(PlanTest, RescuedVictimStaysAndAnotherGoes) {
  load_idle("a");
  load_idle("b");
  world.request(1, "c");  // "a" is chosen, nothing is carried out yet
  ASSERT_TRUE(world.take(2, "a"));
  world.run();
  EXPECT_EQ(world.unloads, (Unloads{{"b", UnloadReason::evicted}}));
  EXPECT_EQ(state_of("a"), "in_use");
}

// After the commit it is gone: who asks for it then gets a new one.
TEST_F(PlanTest, VictimThatIsAskedForAgainIsLoadedAnew) {
  load_idle("a");
  load_idle("b");
  request(1, "c");
  request(2, "a");
  EXPECT_FALSE(world.take(3, "a"));
  EXPECT_EQ(world.unloads, (Unloads{{"a", UnloadReason::evicted}, {"b", UnloadReason::evicted}}));
  unload("b");
  EXPECT_EQ(world.started.back(), "c");  // there is room; the old "a" still leaves
  unload("a");
  EXPECT_EQ(world.started.back(), "a");
}

// A place is kept for a model whose old self still leaves; its only waiter leaves: the next has it at once.
TEST_F(PlanTest, KeptPlaceIsHandedOn) {
  load_idle("a");
  world.remove("a");
  world.run();
  request(1, "a");
  request(2, "b");
  request(3, "c");
  EXPECT_EQ(world.started, (Ids{"a", "b"}));
  world.leave(1);
  world.run();
  unload("a");
  EXPECT_EQ(world.started.back(), "c");
}

// Two of three waiters leave: the load goes on. The last one leaves: it is told to stop, and nothing failed.
TEST_F(PlanTest, LoadStopsWhenLastWaiterLeaves) {
  for (Ticket t = 1; t <= 3; ++t) request(t, "a");
  world.leave(1), world.leave(3), world.run();
  EXPECT_TRUE(world.stopped.empty());
  world.leave(2), world.run();
  EXPECT_TRUE(world.stopped.contains("a"));
  request(4, "a");
  world.fail("a", {Code::cancelled, "", ""}), world.run();
  EXPECT_EQ(world.started, (Ids{"a", "a"}));
  EXPECT_TRUE(world.refused.empty());
}

// A failure reaches every waiter with one cause; then calls are refused at once, until the backoff ends. Then
// one load is tried for all who ask; its failure doubles the backoff, a success forgets it.
TEST_F(PlanTest, FailureBacksOffAndOneProbesForAll) {
  request(1, "a");
  request(2, "a");
  world.fail("a", kBroken), world.run();
  ASSERT_EQ(world.refused.size(), 2U);
  EXPECT_EQ(world.refused[1].second.retry_after, 1s);
  EXPECT_EQ(state_of("a"), "failed");
  pass(999ms);
  request(3, "a");
  EXPECT_EQ(world.refused.back().second.retry_after, 1s);
  pass(1ms);
  request(4, "a");
  request(5, "a");
  EXPECT_EQ(world.started.size(), 2U);
  world.fail("a", kBroken), world.run();
  EXPECT_EQ(world.refused.back().second.retry_after, 2s);
  pass(2000ms);
  request(6, "a");
  load("a");
  EXPECT_EQ(world.granted, Tickets{6});
  EXPECT_EQ(world.plan.stats(world.now, {}).load_failures, 2);
}

TEST(Backoff, DoublesToAMinute) {
  EXPECT_EQ(backoff(1), 1s);
  EXPECT_EQ(backoff(2), 2s);
  EXPECT_EQ(backoff(6), 32s);
  EXPECT_EQ(backoff(7), 60s);
  EXPECT_EQ(backoff(1'000'000), 60s);
}

// A broken model asked for a hundred times a second for a minute is tried at most eight times, and nobody
// leaves for it.
TEST_F(PlanTest, BrokenModelIsRarelyTried) {
  world = World({.max_models = 2, .ttl = -1ms});
  load_idle("good");
  load_idle("b");
  world.started.clear();
  world.remove("b"), world.run(), unload("b");
  for (Ticket each = 1; each <= 6000; ++each) {
    request(each, "broken");
    if (world.loading.contains("broken")) world.fail("broken", kBroken), world.run();
    pass(10ms);
  }
  EXPECT_LE(world.started.size(), 8U);
  EXPECT_GE(world.started.size(), 5U);
  EXPECT_EQ(state_of("good"), "ready");
}

// Only "no memory" makes others leave: as much as the load wanted, or nothing. Then it is tried once more.
TEST_F(BytesTest, NoMemoryEvictsOnceAndTriesAgain) {
  load_idle("a", megabytes(20));
  load_idle("b", megabytes(30));
  request(1, "c", megabytes(25));
  world.fail("c", kBroken), world.run();
  EXPECT_TRUE(world.unloads.empty());
  pass(1000ms);
  request(2, "c", megabytes(25));
  world.fail("c", kNoMemory), world.run();
  EXPECT_EQ(world.unloads, (Unloads{{"b", UnloadReason::no_memory}}));
  unload("b");
  EXPECT_EQ(world.started.back(), "c");
  world.fail("c", kNoMemory), world.run();
  EXPECT_EQ(world.refused.back().first, 2U);
  EXPECT_EQ(world.refused.back().second.reason, "no_memory");
  EXPECT_EQ(state_of("a"), "ready");
}

// The TTL counts from the end of the last use, and a model in use has none.
TEST_F(PlanTest, TtlCountsFromEndOfUse) {
  request(1, "a");
  load("a");
  pass(5000ms);
  EXPECT_EQ(world.plan.next_due(world.now), std::nullopt);
  let_go(1);
  EXPECT_EQ(world.plan.next_due(world.now), SteadyTime{6000ms});
  pass(999ms);
  EXPECT_EQ(state_of("a"), "ready");
  pass(1ms);
  EXPECT_EQ(world.unloads, (Unloads{{"a", UnloadReason::expired}}));
}

// Uses that the plan never hears of move the end of the TTL all the same.
TEST_F(PlanTest, TtlCountsUsesWithoutThePlan) {
  load_idle("a");
  pass(600ms);
  ASSERT_TRUE(world.take(1, "a"));
  let_go(1);
  pass(600ms);
  EXPECT_EQ(state_of("a"), "ready");
  pass(400ms);
  EXPECT_EQ(state_of("a"), "unloading");
}

// keep_alive: 0 leaves with the last user, and stays in force until another use says otherwise; negative
// never; a model's own TTL goes before the cache's.
TEST_F(PlanTest, KeepAlive) {
  request(1, "a", {.ttl = 5000ms});
  load("a");
  ASSERT_TRUE(world.take(2, "a"));
  let_go(1, 0ms);
  EXPECT_EQ(state_of("a"), "in_use");
  let_go(2);
  EXPECT_EQ(world.unloads, (Unloads{{"a", UnloadReason::expired}}));
  unload("a");
  request(3, "a", {.ttl = 5000ms});
  load("a");
  let_go(3);
  pass(4000ms);
  EXPECT_EQ(state_of("a"), "ready");
  ASSERT_TRUE(world.take(4, "a"));
  let_go(4, -1ms);
  pass(std::chrono::hours(1000));
  EXPECT_EQ(state_of("a"), "ready");
  EXPECT_FALSE(world.plan.stats(world.now, {}).models[0].expires_at);
}

// A pinned model leaves for nobody; without room, who asks waits.
TEST_F(PlanTest, PinnedStays) {
  load_idle("a", {.pinned = true});
  request(1, "b");
  load("b");
  request(2, "c");
  EXPECT_TRUE(world.unloads.empty());
  let_go(1);
  EXPECT_EQ(world.unloads, (Unloads{{"b", UnloadReason::evicted}}));
}

// A model that took ten seconds to load stays at least as long, then it goes by itself for who waits.
TEST_F(PlanTest, StaysAsLongAsItTookToLoad) {
  world = World({.max_models = 1, .ttl = -1ms});
  load_idle("a", {}, {.seconds = 10});
  request(1, "b");
  EXPECT_TRUE(world.unloads.empty());
  EXPECT_EQ(world.plan.next_due(world.now), SteadyTime{10s});
  pass(10s);
  EXPECT_EQ(world.unloads, (Unloads{{"a", UnloadReason::evicted}}));
}

// Removal: an idle model goes now; one in use when its last user lets go, and who asked meanwhile gets a new
// one.
TEST_F(PlanTest, RemovalDrains) {
  EXPECT_EQ(world.remove("a"), Removal::absent);
  load_idle("a");
  world.remove("a"), world.run();
  EXPECT_EQ(state_of("a"), "unloading");
  unload("a");
  request(1, "a");
  load("a");
  world.remove("a"), world.run();
  EXPECT_EQ(state_of("a"), "draining");
  request(2, "a");
  EXPECT_FALSE(world.users.contains(2));
  let_go(1);
  unload("a");
  EXPECT_EQ(world.started, (Ids{"a", "a", "a"}));
}

// Removed while it loads: those who wait are served first.
TEST_F(PlanTest, RemovalDuringLoadServesWaitersFirst) {
  request(1, "a");
  EXPECT_EQ(world.remove("a"), Removal::draining);
  load("a");
  EXPECT_EQ(world.granted, Tickets{1});
  let_go(1);
  EXPECT_EQ(world.unloads, (Unloads{{"a", UnloadReason::removed}}));
}

// All or nothing: what cannot fit even without all idle models evicts none of them.
TEST_F(BytesTest, NothingLeavesUnlessTheLoadThenFits) {
  load_idle("a", megabytes(30));
  request(1, "used", megabytes(50));
  load("used");
  request(2, "large", megabytes(60));
  EXPECT_TRUE(world.unloads.empty());
  EXPECT_EQ(state_of("large"), "queued");
  let_go(1);
  EXPECT_EQ(world.unloads, (Unloads{{"used", UnloadReason::evicted}}));
  request(3, "larger", megabytes(101));
  EXPECT_EQ(world.refused.back().second.reason, "does_not_fit");
}

// One that fits into room that the first in line cannot use passes it; after a while nobody passes any more.
TEST_F(BytesTest, SmallPassesLargeForAWhile) {
  request(1, "used", megabytes(80));
  load("used");
  request(2, "large", megabytes(90));
  request(3, "small", megabytes(5));
  EXPECT_EQ(world.started.back(), "small");
  pass(10s);
  request(4, "late", megabytes(5));
  EXPECT_EQ(state_of("late"), "queued");
  load("small");
  let_go(3);
  let_go(1);
  unload("used");
  EXPECT_EQ(state_of("large"), "loading");
}

// A load is counted by its peak, then by what it was measured to be; the mapped part is never measured.
TEST_F(BytesTest, PeakIsReservedAndSizeLearned) {
  const Metadata metadata{
      .memory_bytes = 50 * kMb, .mapped_bytes = 30 * kMb, .peak_bytes = 80 * kMb, .options = "c1"};
  request(1, "a", metadata);
  EXPECT_EQ(world.plan.bytes_taken(), 80 * kMb);
  load("a", {.anonymous = 10 * kMb, .peak = 15 * kMb});
  EXPECT_EQ(world.plan.bytes_taken(), 40 * kMb);
  let_go(1);
  world.remove("a"), world.run();
  EXPECT_EQ(world.plan.bytes_taken(), 40 * kMb);
  world.unload("a", 12 * kMb), world.run();
  EXPECT_EQ(world.plan.bytes_taken(), 0U);
  request(2, "a", metadata);
  EXPECT_EQ(world.plan.bytes_taken(), 45 * kMb);  // mapped, and the peak of the load before
  world.observe();
  EXPECT_EQ(world.plan.stats(world.now, {}).models[0].predicted_bytes, 42 * kMb);
  request(3, "b", {.memory_bytes = 50 * kMb, .mapped_bytes = 30 * kMb, .options = "c2"});
  EXPECT_EQ(world.plan.bytes_taken(), 95 * kMb);
}

// Memory that does not come back leaves less room, until it is measured to be there again.
TEST_F(BytesTest, LeakLowersTheCapacity) {
  load_idle("a", megabytes(60), {.anonymous = 60 * kMb});
  world.remove("a"), world.run();
  world.unload("a", 10 * kMb), world.run();
  EXPECT_EQ(world.plan.stats(world.now, {}).leaked_bytes, 50 * kMb);
  request(1, "a", megabytes(60));
  EXPECT_EQ(world.refused.back().second.reason, "does_not_fit");
  world.plan.measured(5 * kMb);
  EXPECT_EQ(world.plan.stats(world.now, {}).leaked_bytes, 5 * kMb);
  request(2, "a", megabytes(60));
  EXPECT_EQ(state_of("a"), "loading");
}

// A model that turned out larger than there is room for, or a smaller budget: idle models leave until it is
// kept.
TEST_F(BytesTest, DeficitIsPaidBack) {
  load_idle("a", megabytes(40));
  load_idle("b", megabytes(10));
  world.sizes_are_right = false;
  request(1, "c", megabytes(40));
  load("c", {.anonymous = 70 * kMb});
  EXPECT_EQ(world.unloads, (Unloads{{"a", UnloadReason::over_budget}}));
  world.set_max_bytes(75 * kMb);
  world.run();
  EXPECT_EQ(world.unloads.back(), (std::pair<std::string, UnloadReason>{"b", UnloadReason::over_budget}));
}

// Two GPUs of 100 MB each.
struct DevicesTest : PlanTest {
  DevicesTest() {
    world = World({.max_models = 10, .ttl = -1ms, .max_bytes = 1000 * kMb});
    world.set_devices({100 * kMb, 100 * kMb}, {0, 0});
  }
  static Metadata on(std::uint64_t first, std::uint64_t second) {
    return {.memory_bytes = kMb, .device_bytes = {first * kMb, second * kMb}};
  }
  std::string waits_for(const std::string& id) const { return world.plan.waits_for(id, world.now); }
};

// A GPU is full: the idle model on it leaves, one on the other and one with the CPU stay.
TEST_F(DevicesTest, LeavesWhereTheShortageIs) {
  load_idle("first", on(60, 0));
  load_idle("second", on(0, 60));
  load_idle("cpu", {.memory_bytes = 900 * kMb});
  request(1, "new", on(50, 0));
  EXPECT_EQ(world.unloads, (Unloads{{"first", UnloadReason::evicted}}));
  EXPECT_EQ(state_of("new"), "reserved");
  unload("first");
  EXPECT_EQ(state_of("new"), "loading");
}

// One that is split over both needs both: nothing leaves for it while the other is in use, and it says what
// it lacks, where, and who has it.
TEST_F(DevicesTest, AllOrNothing) {
  load_idle("idle", on(60, 0));
  request(1, "used", on(0, 60));
  load("used");
  request(2, "split", on(50, 50));
  EXPECT_TRUE(world.unloads.empty());
  EXPECT_EQ(waits_for("split"),
            "needs 50 MB on GPU 0, 40 MB free, held by idle (may leave in 0 s); needs 50 MB on GPU 1, 40 MB "
            "free, held by used (in use)");
  let_go(1);
  EXPECT_EQ(world.unloads.size(), 2U);
  for (const auto* id : {"idle", "used"}) unload(id);
  EXPECT_EQ(state_of("split"), "loading");
}

// Others' programs take memory too: it is waited for, those who need none of that GPU pass, and what comes
// back is used as soon as the driver says so.
TEST_F(DevicesTest, OthersMemoryIsWaitedFor) {
  world.set_devices({100 * kMb, 100 * kMb}, {70 * kMb, 0});
  request(1, "new", on(50, 0));
  EXPECT_EQ(waits_for("new"), "needs 50 MB on GPU 0, 30 MB free, 70 MB by other programs");
  EXPECT_TRUE(world.plan.waits_for_device());
  pass(11s);
  request(2, "elsewhere", on(0, 50));
  request(3, "cpu", {.memory_bytes = kMb});
  request(4, "same", on(10, 0));
  EXPECT_EQ(world.started, (Ids{"elsewhere", "cpu"}));
  load("elsewhere"), load("cpu");
  world.set_devices({100 * kMb, 100 * kMb}, {10 * kMb, 0});
  world.run();
  EXPECT_EQ(world.started, (Ids{"elsewhere", "cpu", "new", "same"}));
  EXPECT_FALSE(world.plan.waits_for_device());
}

// A model has left, and the driver does not say that its memory is free: nothing starts in it.
TEST_F(DevicesTest, FreeIsWhatTheDriverSays) {
  load_idle("old", on(80, 0));
  request(1, "new", on(50, 0));
  world.device_others = {80 * kMb, 0};  // of somebody, from the driver's view
  unload("old");
  EXPECT_EQ(state_of("new"), "queued");
  world.set_devices({100 * kMb, 100 * kMb}, {0, 0});
  world.run();
  EXPECT_EQ(state_of("new"), "loading");
}

// Above max_device_percent of a GPU there is no room, whoever leaves: refused at once, in words.
TEST_F(DevicesTest, PercentIsTheLimit) {
  load_idle("a", on(60, 0));
  world.plan.set_max_device_percent(80, world.now);
  request(1, "b", on(81, 0));
  ASSERT_EQ(world.refused.size(), 1U);
  EXPECT_EQ(world.refused[0].second.reason, "does_not_fit");
  EXPECT_NE(world.refused[0].second.message.find("81 MB on GPU 0, and 80 MB"), std::string::npos);
  EXPECT_EQ(world.plan.device_rooms("b", "")[0].most, 80 * kMb);
  EXPECT_EQ(world.plan.device_rooms("b", "")[0].free, 20 * kMb);
}

// What it took beyond its prediction is known for the next placement, for the same model and options.
TEST_F(DevicesTest, WhatWasMeasuredIsLearned) {
  Metadata metadata = on(40, 0);
  metadata.options = "c1";
  request(1, "a", metadata);
  load("a", {.anonymous = kMb, .device_bytes = {47 * kMb, 0}});
  EXPECT_EQ(world.plan.device_bytes_taken()[0], 47 * kMb);
  EXPECT_EQ(world.plan.device_rooms("a", "c1")[0].beyond, std::int64_t{7 * kMb});
  EXPECT_EQ(world.plan.device_rooms("a", "c2")[0].beyond, 0);
  const Plan later({}, world.plan.learned());
  EXPECT_EQ(later.learned().at(0).device_beyond, (std::vector<std::int64_t>{7 * kMb, 0}));
}

// What was measured in an earlier process predicts this one's loads.
TEST(PlanLearned, PredictsFromEarlierProcesses) {
  World world({.max_bytes = 100 * kMb},
              {{.model = "a", .options = "", .anonymous_bytes = 20 * kMb, .peak_bytes = 30 * kMb}});
  world.request(1, "a", {.memory_bytes = 90 * kMb, .mapped_bytes = 10 * kMb});
  EXPECT_EQ(world.plan.bytes_taken(), 40 * kMb);
  ASSERT_EQ(world.plan.learned().size(), 1U);
}

// put: takes a place at once, replaces an idle model, never one in use, and never evicts one in use.
TEST(PlanPut, TakesAPlace) {
  Plan plan({.max_models = 2});
  const SteadyTime now{};
  const auto put = [&](const std::string& id) -> Result<Effects> {
    BOOST_OUTCOME_TRY(const auto victims, plan.make_way(id, {}, now));
    return plan.put(id, {}, victims, now);
  };
  ASSERT_TRUE(put("a"));
  EXPECT_EQ(*put("a"), (Effects{Unload{"a", UnloadReason::replaced}}));
  plan.observe("a", {.users = 1}, now);
  EXPECT_EQ(put("a").error().code, Code::conflict);
  ASSERT_TRUE(put("b"));
  EXPECT_EQ(*put("c"), (Effects{Unload{"b", UnloadReason::evicted}}));
  plan.observe("c", {.users = 1}, now);
  EXPECT_EQ(put("d").error().code, Code::exhausted);
}

}  // namespace
}  // namespace medsynth::models
