#include "medsynth/api/limits_forecast.h"

#include <gtest/gtest.h>

#include "medsynth/limits/sensors.h"

namespace medsynth::api {
namespace {

fleet::TaskReport waits(const std::string& id, const std::string& reason, std::optional<double> have = {},
                        std::optional<double> need = {}) {
  return {.task_id = id, .state = "waiting", .reason = reason, .since = id, .have = have, .need = need};
}

class LimitsForecastTest : public testing::Test {
 protected:
  void worker(const limits::Usage& usage, std::vector<fleet::TaskReport> tasks,
              const std::string& host = "h") {
    fleet::Snapshot snapshot;
    snapshot.worker_id = host + "-w";
    snapshot.host = host;
    snapshot.queues = {"q"};
    snapshot.usage = described::to_value(usage).get_object();
    limits::SystemInfo system;
    system.memory.total = 1000;
    snapshot.system = described::to_value(system).get_object();
    snapshot.tasks = std::move(tasks);
    facts_.roll.alive.push_back(std::move(snapshot));
  }
  std::int64_t starts(const LimitsChange& change, std::int64_t ready = 0) {
    return forecast_limits(facts_, {{"q", ready}}, change).would_start;
  }
  WaitingFacts facts_;
};

// Two slots more let two of three in; then the queue comes.
TEST_F(LimitsForecastTest, Slots) {
  worker({.concurrent_tasks = 2, .max_concurrent_tasks = 2},
         {waits("a", "slots"), waits("b", "slots"), waits("c", "slots")});
  const auto forecast = forecast_limits(facts_, {{"q", 5}}, {.max_concurrent_tasks = 4});
  EXPECT_EQ(forecast.would_start, 2);
  EXPECT_EQ(forecast.tasks, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(starts({.max_concurrent_tasks = 6}, 5), 4);
  EXPECT_EQ(starts({.max_concurrent_tasks = 1}, 5), 0);
  facts_.paused = {"q"};
  EXPECT_EQ(starts({.max_concurrent_tasks = 6}, 5), 3);
}

// A gate that stays closed keeps everybody, one that opens lets those in for which there is room.
TEST_F(LimitsForecastTest, Gates) {
  worker({.cpu_percent = 90, .max_cpu_percent = 80, .max_concurrent_tasks = 5},
         {waits("a", "cpu", 0, 5), waits("b", "cpu", 0, 5), waits("c", "slots")});
  EXPECT_EQ(starts({.max_cpu_percent = 85}), 0);
  EXPECT_EQ(starts({.max_cpu_percent = 96}),
            2);  // one of those that say what they take, and the one that does not
  EXPECT_EQ(starts({.max_cpu_percent = 100}), 3);
  EXPECT_EQ(starts({.max_memory_percent = 100}), 0);
}

TEST_F(LimitsForecastTest, BytesOfMemory) {
  worker({.memory_percent = 50, .max_memory_percent = 60, .max_concurrent_tasks = 5},
         {waits("a", "memory", 100, 200)});
  EXPECT_EQ(starts({.max_memory_percent = 69}), 0);
  EXPECT_EQ(starts({.max_memory_percent = 70}), 1);
}

// What waits for its model or for Redis waits on; and what would start anyway is no merit of the change.
TEST_F(LimitsForecastTest, WhatLimitsDoNotKeep) {
  worker({.concurrent_tasks = 1, .max_concurrent_tasks = 5}, {waits("a", "model_lock"), waits("b", "redis")});
  EXPECT_EQ(starts({.max_concurrent_tasks = 9}), 0);
  facts_.roll.alive[0].tasks.clear();
  EXPECT_EQ(starts({.max_concurrent_tasks = 5}, 3), 0);
  EXPECT_EQ(starts({.max_concurrent_tasks = 9}, 6), 2);
}

// Each machine has its own slots; a queue is emptied once.
TEST_F(LimitsForecastTest, Machines) {
  worker({.concurrent_tasks = 1, .max_concurrent_tasks = 1}, {waits("a", "slots")}, "h1");
  worker({.concurrent_tasks = 1, .max_concurrent_tasks = 1}, {waits("b", "slots")}, "h2");
  EXPECT_EQ(starts({.max_concurrent_tasks = 2}), 2);
  facts_.roll.alive.clear();
  EXPECT_EQ(starts({.max_concurrent_tasks = 2}, 9), 0);
}

}  // namespace
}  // namespace medsynth::api
