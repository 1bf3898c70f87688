// The bell alone: nobody looks again by himself (once an hour), so each test hangs, and fails, where a ring
// is lost.
#include <array>

#include <gtest/gtest.h>

#include "medsynth/limits/limits.h"

#include "unit/limits/support.h"

namespace medsynth::limits {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t kGib = 1ULL << 30;

// A caller in a thread of its own, that waits until it has its lease or is told to stop.
class Caller {
 public:
  Caller(Limiter& limiter, Needs needs, std::chrono::milliseconds timeout = 60s)
      : thread_([this, &limiter, needs, timeout](std::stop_token stop) {
          auto lease = limiter.acquire(needs, timeout, stop, [this](const Wait& wait) {
            const std::lock_guard lock(mutex_);
            reason_ = wait.reason;
          });
          if (lease) lease_ = std::move(*lease);
          done_ = true;
        }) {}
  bool waits_for(const std::string& reason) {
    return eventually([&] {
      const std::lock_guard lock(mutex_);
      return reason_ == reason;
    });
  }
  bool is_done() {
    return eventually([&] { return done_.load(); });
  }
  bool is_waiting() const { return !done_; }
  bool got_it() { return is_done() && lease_.held(); }
  void let_go() { lease_.release(); }
  void cancel() { thread_.request_stop(); }

 private:
  std::mutex mutex_;
  std::string reason_;
  Lease lease_;
  std::atomic<bool> done_{false};
  std::jthread thread_;
};

class BellTest : public ::testing::Test {
 protected:
  std::unique_ptr<Limiter> open(const Limits& limits) {
    return std::move(*Limiter::open(
        {.limits = limits, .runtime_dir = folder_.path(), .check_interval = 1h, .look_again = 1h}, sensors_));
  }
  TemporaryFolder folder_;
  FakeSensors sensors_;
};

// A slot comes free: the first in line is told, and tells nobody else when there is no more.
TEST_F(BellTest, ReachesTheFirst) {
  auto limiter = open(slots_only(1));
  auto lease = limiter->acquire({}, 0ms);
  Caller first(*limiter, {});
  ASSERT_TRUE(first.waits_for("slots"));
  Caller second(*limiter, {});
  ASSERT_TRUE(second.waits_for("slots"));
  lease->release();
  EXPECT_TRUE(first.got_it());
  EXPECT_TRUE(second.is_waiting());
  first.let_go();
  EXPECT_TRUE(second.got_it());
}

// It reaches a waiter of another process's limiter.
TEST_F(BellTest, CrossesProcesses) {
  auto mine = open(slots_only(1)), theirs = open(slots_only(1));
  auto lease = mine->acquire({}, 0ms);
  Caller other(*theirs, {});
  ASSERT_TRUE(other.waits_for("slots"));
  lease->release();
  EXPECT_TRUE(other.got_it());
}

// Regression: a waiter's reason changed (a slot came free, its model was busy), and those behind it, who
// waited only because it came first, were not told.
TEST_F(BellTest, ReachesThoseBehindOneThatStillWaits) {
  auto limiter = open(slots_only(2));
  auto model = limiter->acquire({.model = "m"}, 0ms);
  auto other = limiter->acquire({}, 0ms);
  Caller first(*limiter, {.model = "m"});
  ASSERT_TRUE(first.waits_for("slots"));
  Caller second(*limiter, {.model = "n"});
  ASSERT_TRUE(second.waits_for("slots"));
  other->release();
  EXPECT_TRUE(second.got_it());
  EXPECT_TRUE(first.waits_for("model_lock"));
  model->release();
  EXPECT_TRUE(first.got_it());
}

// Regression: somebody left the line without taking anything, and those behind it, for whom there was room
// all the time, were not told.
TEST_F(BellTest, ReachesThoseBehindOneThatLeaves) {
  sensors_.set({.memory_limit = 16 * kGib});
  auto limiter = open({.max_cpu_percent = 100, .max_memory_percent = 99});
  auto lease = limiter->acquire({.memory_bytes = 8 * kGib}, 0ms);
  Caller large(*limiter, {.memory_bytes = 12 * kGib});
  ASSERT_TRUE(large.waits_for("memory"));
  Caller second(*limiter, {.memory_bytes = 6 * kGib});
  ASSERT_TRUE(second.waits_for("memory"));
  large.cancel();
  EXPECT_TRUE(second.got_it());
  second.let_go();
  // The same when it gives up by itself.
  Caller brief(*limiter, {.memory_bytes = 12 * kGib}, 50ms);
  ASSERT_TRUE(brief.waits_for("memory"));
  Caller third(*limiter, {.memory_bytes = 6 * kGib});
  EXPECT_TRUE(third.got_it());
  EXPECT_TRUE(brief.is_done() && !brief.got_it());
}

// Two come free at once: one ring, and two go.
TEST_F(BellTest, ReachesAllWhoMayGo) {
  auto limiter = open(slots_only(3));
  std::array<Lease, 3> leases;
  for (Lease& lease : leases) lease = std::move(*limiter->acquire({}, 0ms));
  Caller first(*limiter, {}), second(*limiter, {}), third(*limiter, {});
  ASSERT_TRUE(first.waits_for("slots") && second.waits_for("slots") && third.waits_for("slots"));
  for (Lease& lease : leases) lease.release();
  EXPECT_TRUE(first.got_it() && second.got_it() && third.got_it());
}

// A raised limit is told to those who wait.
TEST_F(BellTest, ReachesWaitersOfARaisedLimit) {
  auto limiter = open(slots_only(1));
  auto lease = limiter->acquire({}, 0ms);
  Caller first(*limiter, {}), second(*limiter, {});
  ASSERT_TRUE(first.waits_for("slots") && second.waits_for("slots"));
  limiter->set_limits(slots_only(3));
  EXPECT_TRUE(first.got_it() && second.got_it());
}

// A cancelled waiter goes at once, and takes nothing with it.
TEST_F(BellTest, ReachesACancelledWaiter) {
  auto limiter = open(slots_only(1));
  auto lease = limiter->acquire({}, 0ms);
  Caller caller(*limiter, {});
  ASSERT_TRUE(caller.waits_for("slots"));
  caller.cancel();
  EXPECT_TRUE(caller.is_done() && !caller.got_it());
  lease->release();
  EXPECT_TRUE(limiter->try_acquire({}).first);
}

// A large one waits: small ones pass it while they leave it its room, and no longer.
TEST_F(BellTest, BackfillsBehindALargeOne) {
  sensors_.set({.memory_limit = 16 * kGib});
  auto limiter = open({.max_cpu_percent = 100, .max_memory_percent = 99});
  auto lease = limiter->acquire({.memory_bytes = 8 * kGib}, 0ms);
  Caller large(*limiter, {.memory_bytes = 10 * kGib});
  ASSERT_TRUE(large.waits_for("memory"));
  auto [small, none] = limiter->try_acquire({.memory_bytes = 2 * kGib});
  EXPECT_TRUE(small) << none.detail;
  const auto refused = limiter->try_acquire({.memory_bytes = 4 * kGib});
  EXPECT_FALSE(refused.first);
  EXPECT_EQ(refused.second.reason, "memory");
  EXPECT_EQ(refused.second.detail, "there is room, and it is kept for a task that came first");
  lease->release();
  EXPECT_TRUE(large.got_it()) << "beside the small one";
}

}  // namespace
}  // namespace medsynth::limits
