#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "medsynth/limits/limits.h"

#include "unit/limits/support.h"

namespace medsynth::limits {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t kGib = 1ULL << 30;

class LimiterTest : public ::testing::Test {
 protected:
  std::unique_ptr<Limiter> open(const Limits& limits) {
    auto limiter =
        Limiter::open({.limits = limits, .runtime_dir = folder_.path(), .check_interval = 1ms}, sensors_);
    EXPECT_TRUE(limiter) << limiter.error().message;
    return std::move(*limiter);
  }
  TemporaryFolder folder_;
  FakeSensors sensors_;
};

// What fits is had at once and shown; what is let go can be had again.
TEST_F(LimiterTest, GivesAndTakesBack) {
  auto limiter = open(slots_only(1));
  auto lease =
      limiter->acquire({.actor = "detect", .model = "m", .cpu_share_percent = 50, .memory_bytes = 7}, 0ms);
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_TRUE(lease->held());
  const auto slots = limiter->slots();
  ASSERT_EQ(slots.size(), 1u);
  EXPECT_EQ(slots[0].actor, "detect");
  EXPECT_EQ(slots[0].model, "m");
  EXPECT_EQ(slots[0].memory_bytes, 7u);
  EXPECT_EQ(limiter->get_resource_usage().concurrent_tasks, 1);
  auto [second, wait] = limiter->try_acquire({});
  EXPECT_FALSE(second);
  EXPECT_EQ(wait.reason, "slots");
  EXPECT_EQ(wait.detail, "1 of 1 slots are taken");
  lease->release();
  EXPECT_FALSE(lease->held());
  EXPECT_TRUE(limiter->try_acquire({}).first);
}

// No room in time: the error says for what, how long, and why.
TEST_F(LimiterTest, TimesOut) {
  auto limiter = open(slots_only(1));
  auto lease = limiter->acquire({}, 0ms);
  const auto start = std::chrono::steady_clock::now();
  const auto late = limiter->acquire({.actor = "detect"}, 50ms);
  ASSERT_FALSE(late);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
  EXPECT_EQ(late.error().code, Code::timeout);
  EXPECT_EQ(late.error().reason, "resources_timeout");
  EXPECT_EQ(late.error().message, "no room for 'detect' within 0.05 s: 1 of 1 slots are taken");
  const AdmissionState state = limiter->admission();
  EXPECT_GE(state.blocked_seconds.at("slots"), 0.04);
  EXPECT_EQ(state.waits.at("slots"), 1);
  EXPECT_EQ(state.waiting.at("slots"), 0);
}

// Somebody asks a waiter to stop: it does at once, long before its timeout.
TEST_F(LimiterTest, CanBeCancelled) {
  auto limiter = open(slots_only(1));
  auto lease = limiter->acquire({}, 0ms);
  std::stop_source stop;
  std::atomic<bool> waiting{false};
  std::jthread canceller([&] {
    eventually([&] { return waiting.load(); });
    stop.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  const auto cancelled = limiter->acquire({}, 60s, stop.get_token(), [&](const Wait&) { waiting = true; });
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, Code::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
}

// A task that could not run on an empty machine is told so at once, also while it would have to wait for
// others.
TEST_F(LimiterTest, RefusesWhatNeverFits) {
  sensors_.set({.memory_limit = 8 * kGib, .memory_used = kGib});
  auto limiter = open({.max_concurrent_tasks = 1});
  auto lease = limiter->acquire({}, 0ms);
  const auto refused = limiter->acquire({.memory_bytes = 7 * kGib}, 60s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
  EXPECT_EQ(refused.error().reason, "does_not_fit");
  EXPECT_EQ(limiter->try_acquire({.memory_bytes = 7 * kGib}).second.reason, "memory");
}

// The machine gets quieter: a waiter for CPU is let in, and was told what it waited for.
TEST_F(LimiterTest, LetsInWhenTheLoadFalls) {
  sensors_.set({.cpu_percent = 95});
  auto limiter = open({});
  const auto [can_start, usage] = limiter->can_start_task();
  EXPECT_FALSE(can_start);
  EXPECT_EQ(usage.reason, "cpu");
  EXPECT_EQ(usage.detail, "CPU load is 95 %, the limit is 80 %");
  EXPECT_TRUE(limiter->admission().closed.at("cpu"));
  std::vector<std::string> reasons;
  const auto lease = limiter->acquire({}, 10s, {}, [&](const Wait& wait) {
    reasons.push_back(wait.reason);
    sensors_.set({.cpu_percent = 10});
  });
  EXPECT_TRUE(lease);
  EXPECT_EQ(reasons, std::vector<std::string>{"cpu"});
  EXPECT_TRUE(eventually([&] { return limiter->can_start_task().first; })) << "once its load is measured";
}

// Whoever reads the sensors does not come back: after a while what they told is unknown to the others,
// neither what it was nor an idle machine, and tasks go on one at a time.
TEST_F(LimiterTest, AnOldReadingIsUnknown) {
  class Stuck final : public Sensors {
   public:
    Sample sample() override {
      const bool hangs = ++looks > 1;
      while (hangs && !go) std::this_thread::sleep_for(1ms);
      return {.cpu_percent = 95};
    }
    SystemInfo system() override { return {}; }
    std::atomic<int> looks{0};
    std::atomic<bool> go{false};
  } stuck;
  ManualClock clock;
  auto limiter = std::move(*Limiter::open({.runtime_dir = folder_.path()}, stuck, clock));
  EXPECT_EQ(limiter->can_start_task().second.reason, "cpu");
  clock.advance(2s);
  std::jthread reader([&] { limiter->get_resource_usage(); });
  ASSERT_TRUE(eventually([&] { return stuck.looks == 2; }));
  EXPECT_EQ(limiter->get_resource_usage().cpu_percent, 95) << "not old yet";
  clock.advance(10s);
  EXPECT_FALSE(limiter->get_resource_usage().cpu_percent);
  EXPECT_TRUE(limiter->can_start_task().first) << "not closed for ever";
  stuck.go = true;
}

// Memory is reserved in the step that checks it: two tasks cannot pass one gap.
TEST_F(LimiterTest, ReservesWhatItChecked) {
  sensors_.set({.memory_limit = 10 * kGib, .memory_used = kGib});
  auto limiter = open({});
  auto first = limiter->acquire({.memory_bytes = 4 * kGib}, 0ms);
  ASSERT_TRUE(first);
  EXPECT_EQ(limiter->try_acquire({.memory_bytes = 4 * kGib}).second.reason, "memory");
  first->release();
  EXPECT_TRUE(limiter->try_acquire({.memory_bytes = 4 * kGib}).first);
}

// One user per model unless its `parallel` says more; other models are not concerned, and a refusal keeps no
// lock.
TEST_F(LimiterTest, LocksModels) {
  auto limiter = open(slots_only(5));
  auto first = limiter->acquire({.model = "m"}, 0ms);
  ASSERT_TRUE(first);
  EXPECT_EQ(limiter->try_acquire({.model = "m"}).second.reason, "model_lock");
  EXPECT_TRUE(limiter->try_acquire({.model = "n"}).first);
  auto second = limiter->try_acquire({.model = "m", .model_parallel = 2}).first;
  EXPECT_TRUE(second);
  EXPECT_FALSE(limiter->try_acquire({.model = "m", .model_parallel = 2}).first);
  first->release();
  EXPECT_TRUE(limiter->try_acquire({.model = "m", .model_parallel = 2}).first);
  limiter->set_limits(slots_only(1));
  EXPECT_EQ(limiter->try_acquire({.model = "n"}).second.reason, "slots");
  second.reset();
  EXPECT_TRUE(limiter->try_acquire({.model = "n"}).first);
}

// One waits for a busy model: a task that needs another model passes it.
TEST_F(LimiterTest, DoesNotHoldUpOtherModels) {
  auto limiter = open(slots_only(2));
  auto busy = limiter->acquire({.model = "m"}, 0ms);
  std::atomic<bool> waiting{false};
  std::jthread waiter(
      [&] { EXPECT_TRUE(limiter->acquire({.model = "m"}, 60s, {}, [&](const Wait&) { waiting = true; })); });
  ASSERT_TRUE(eventually([&] { return waiting.load(); }));
  EXPECT_TRUE(limiter->acquire({.model = "n"}, 1s));
  busy->release();
}

// Waiters for one slot get it in the order they came.
TEST_F(LimiterTest, ServesInOrder) {
  auto limiter = open(slots_only(1));
  auto lease = limiter->acquire({}, 0ms);
  std::mutex mutex;
  std::vector<int> order;
  std::array<std::atomic<bool>, 4> waiting{};
  std::vector<std::jthread> waiters;
  for (int number = 0; number < 4; ++number) {
    waiters.emplace_back([&, number] {
      const auto mine = limiter->acquire({}, 60s, {}, [&](const Wait&) { waiting[number] = true; });
      EXPECT_TRUE(mine);
      const std::lock_guard lock(mutex);
      order.push_back(number);
    });
    ASSERT_TRUE(eventually([&] { return waiting[number].load(); }));
  }
  lease->release();
  waiters.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
}

// Eight threads take and let go as fast as they can: never more than three at once, and everybody gets
// through.
TEST_F(LimiterTest, NeverExceedsTheSlots) {
  auto limiter = open(slots_only(3));
  std::atomic<int> running{0}, most{0}, done{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread)
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 200; ++i) {
          auto lease = limiter->acquire({.model = thread % 2 ? "m" : ""}, 60s);
          ASSERT_TRUE(lease) << lease.error().message;
          const int now = ++running;
          int seen = most.load();
          while (now > seen && !most.compare_exchange_weak(seen, now)) {
          }
          ++done;
          --running;
        }
      });
  }
  EXPECT_EQ(done, 1600);
  EXPECT_LE(most, 3);
  EXPECT_TRUE(limiter->slots().empty());
}

// The limit falls below what runs: running tasks go on, none starts until there are fewer.
TEST_F(LimiterTest, ObeysALoweredLimit) {
  auto limiter = open(slots_only(3));
  std::vector<Lease> leases;
  for (int i = 0; i < 3; ++i) leases.push_back(std::move(*limiter->acquire({}, 0ms)));
  limiter->set_limits(slots_only(2));
  EXPECT_EQ(limiter->limits().max_concurrent_tasks, 2);
  leases.pop_back();
  EXPECT_EQ(limiter->try_acquire({}).second.detail, "2 of 2 slots are taken");
  leases.pop_back();
  EXPECT_TRUE(limiter->try_acquire({}).first);
}

// The limit rises while somebody waits: it is let in.
TEST_F(LimiterTest, ObeysARaisedLimit) {
  auto limiter = open(slots_only(1));
  auto lease = limiter->acquire({}, 0ms);
  EXPECT_TRUE(limiter->acquire({}, 60s, {}, [&](const Wait&) { limiter->set_limits(slots_only(2)); }));
}

// Numbers out of range do not get in: refused when it opens, drawn to the range later.
TEST_F(LimiterTest, KeepsLimitsInRange) {
  auto bad = Limiter::open({.limits = {.max_cpu_percent = 120}, .runtime_dir = folder_.path()}, sensors_);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::invalid_argument);
  EXPECT_EQ(bad.error().faults[0].pointer, "/max_cpu_percent");
  EXPECT_FALSE(Limiter::open({.limits = slots_only(0), .runtime_dir = folder_.path()}, sensors_));
  auto limiter = open({});
  limiter->set_limits({.max_cpu_percent = std::nan(""),
                       .max_memory_percent = 200,
                       .max_gpu_percent = -1,
                       .max_concurrent_tasks = 0});
  EXPECT_EQ(limiter->limits(), (Limits{.max_cpu_percent = 80,
                                       .max_memory_percent = 100,
                                       .max_gpu_percent = 0,
                                       .max_concurrent_tasks = 1}));
}

// The source document's calls: a slot and a model lock are re-entrant for their thread, and need as many
// releases.
TEST_F(LimiterTest, IsReentrantForItsThread) {
  auto limiter = open(slots_only(1));
  ASSERT_TRUE(limiter->acquire_task_slot(0ms));
  ASSERT_TRUE(limiter->acquire_task_slot(0ms));
  ASSERT_TRUE(limiter->acquire_model_lock("m", 0ms));
  ASSERT_TRUE(limiter->acquire_model_lock("m", 0ms));
  const auto other_gets = [&] {
    std::pair<bool, bool> got;
    std::jthread([&] {
      got = {limiter->acquire_task_slot(0ms), limiter->acquire_model_lock("m", 0ms)};
    }).join();
    return got;
  };
  EXPECT_EQ(other_gets(), std::pair(false, false));
  limiter->release_task_slot();
  limiter->release_model_lock("m");
  EXPECT_EQ(other_gets(), std::pair(false, false));
  limiter->release_task_slot();
  EXPECT_EQ(other_gets(), std::pair(true, false));
  limiter->release_model_lock("m");
  EXPECT_EQ(other_gets(), std::pair(true, true)) << "a thread that has ended holds nothing";
}

// A release without an acquire does nothing, not even to what another thread holds.
TEST_F(LimiterTest, IgnoresAReleaseTooMany) {
  auto limiter = open(slots_only(1));
  limiter->release_task_slot();
  limiter->release_model_lock("m");
  ASSERT_TRUE(limiter->acquire_task_slot(0ms));
  std::jthread([&] { limiter->release_task_slot(); }).join();
  EXPECT_EQ(limiter->slots().size(), 1u);
  limiter->release_task_slot();
  EXPECT_TRUE(limiter->slots().empty());
}

// An actor holds a slot and a lock by the document's calls, and calls a service that acquires: it does not
// wait for itself.
TEST_F(LimiterTest, NestsALeaseInItsThreadsSlot) {
  auto limiter = open(slots_only(1));
  ASSERT_TRUE(limiter->acquire_task_slot(0ms));
  ASSERT_TRUE(limiter->acquire_model_lock("m", 0ms));
  auto lease = limiter->acquire({.actor = "service", .model = "m", .cpu_share_percent = 50}, 0ms);
  ASSERT_TRUE(lease) << lease.error().message;
  ASSERT_EQ(limiter->slots().size(), 1u);
  EXPECT_EQ(limiter->slots()[0].cpu_share_percent, 50);
  limiter->release_task_slot();
  limiter->release_model_lock("m");
  EXPECT_EQ(limiter->slots().size(), 1u) << "the lease still holds it";
  std::jthread([&] { EXPECT_FALSE(limiter->acquire_model_lock("m", 0ms)); }).join();
  lease->release();
  EXPECT_TRUE(limiter->slots().empty());
  std::jthread([&] { EXPECT_TRUE(limiter->acquire_model_lock("m", 0ms)); }).join();
}

// A task holds a lease, and the code it runs uses the document's calls: they share what the lease holds.
TEST_F(LimiterTest, NestsTheDocumentsCallsInALease) {
  auto limiter = open(slots_only(1));
  auto lease = limiter->acquire({.model = "m"}, 0ms);
  EXPECT_TRUE(limiter->acquire_task_slot(0ms));
  EXPECT_TRUE(limiter->acquire_model_lock("m", 0ms));
  EXPECT_TRUE(limiter->wait_for_resources(0ms));
  limiter->release_model_lock("m");
  limiter->release_task_slot();
  EXPECT_EQ(limiter->slots().size(), 1u);
  lease->release();
  EXPECT_TRUE(limiter->slots().empty());
}

// Two leases of one thread are two tasks: a scheduler may acquire for others.
TEST_F(LimiterTest, CountsEachLeaseOfAThread) {
  auto limiter = open(slots_only(2));
  auto first = limiter->acquire({}, 0ms);
  auto second = limiter->acquire({}, 0ms);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(limiter->try_acquire({}).first);
}

// A task holds the only slot, as the source document's actor does, while another waits for slot and lock in
// one step: the first gets its model's lock and ends, then the other has both.
TEST_F(LimiterTest, ARunningTaskGetsItsLockBeforeOneThatWaitsForItsSlot) {
  auto limiter = open(slots_only(1));
  ASSERT_TRUE(limiter->acquire_task_slot(0ms));
  std::atomic<bool> waiting{false}, served{false};
  std::jthread other([&] {
    served = limiter->acquire({.model = "m"}, 60s, {}, [&](const Wait&) { waiting = true; }).has_value();
  });
  ASSERT_TRUE(eventually([&] { return waiting.load(); }));
  EXPECT_TRUE(limiter->acquire_model_lock("m", 0ms));
  limiter->release_model_lock("m");
  limiter->release_task_slot();
  other.join();
  EXPECT_TRUE(served);
}

// A lease is destroyed on another thread, after its limiter: the slot is free.
TEST_F(LimiterTest, LetsGoAnywhere) {
  auto limiter = open(slots_only(1));
  auto lease = limiter->acquire({.model = "m"}, 0ms);
  limiter.reset();
  std::jthread([moved = std::move(*lease)]() mutable { moved.release(); }).join();
  limiter = open(slots_only(1));
  EXPECT_TRUE(limiter->try_acquire({.model = "m"}).first);
}

// Waiting for resources takes nothing, and says whether there were any in time.
TEST_F(LimiterTest, WaitsForResources) {
  auto limiter = open(slots_only(1));
  EXPECT_TRUE(limiter->wait_for_resources(0ms));
  EXPECT_TRUE(limiter->slots().empty());
  auto lease = limiter->acquire({}, 0ms);
  std::jthread([&] { EXPECT_FALSE(limiter->wait_for_resources(10ms)); }).join();
  EXPECT_FALSE(limiter->can_start_task().first);
}

// The sensors are read at most once per interval, however many ask.
TEST_F(LimiterTest, SamplesOncePerInterval) {
  ManualClock clock;
  auto limiter = *Limiter::open({.runtime_dir = folder_.path(), .check_interval = 1s}, sensors_, clock);
  for (int i = 0; i < 10; ++i) limiter->get_resource_usage();
  EXPECT_EQ(sensors_.samples(), 1);
  clock.advance(1s);
  for (int i = 0; i < 10; ++i) limiter->can_start_task();
  EXPECT_EQ(sensors_.samples(), 2);
}

// Usage shows what is measured beside the limits.
TEST_F(LimiterTest, ShowsUsage) {
  sensors_.set({.cpu_percent = 12, .memory_percent = 34, .gpu_percent = 56});
  auto limiter = open({.max_cpu_percent = 70});
  const auto [can_start, usage] = limiter->can_start_task();
  EXPECT_TRUE(can_start);
  EXPECT_EQ(usage.cpu_percent, 12);
  EXPECT_EQ(usage.memory_percent, 34);
  EXPECT_EQ(usage.gpu_percent, 56);
  EXPECT_EQ(usage.max_cpu_percent, 70);
  EXPECT_EQ(usage.max_concurrent_tasks, 5);
}

// Model sizes are kept as registered; nonsense is not.
TEST_F(LimiterTest, KeepsModelUsage) {
  auto limiter = open({});
  limiter->register_model_usage("m", 1024);
  limiter->register_model_usage("m", 512);
  limiter->register_model_usage("n", -1);
  EXPECT_EQ(limiter->model_usage(), (std::map<std::string, double>{{"m", 512}}));
}

}  // namespace
}  // namespace medsynth::limits
