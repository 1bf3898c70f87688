#include "medsynth/cli/idle_queues.h"

#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;
using dramatiq::QueueState;

// A queue is forgotten when it was idle at every look for the time: empty, not paused, nobody's.
TEST(IdleQueues, ForgetsWhatNobodyUsesForLong) {
  IdleQueues idle(60s);
  const std::vector<QueueState> states{{.name = "idle"},
                                       {.name = "used"},
                                       {.name = "paused", .paused = true},
                                       {.name = "ready", .depth = {.ready = 1}},
                                       {.name = "delayed", .depth = {.delayed = 1}},
                                       {.name = "running", .depth = {.running = 1}},
                                       {.name = "dead", .depth = {.dead = 1}}};
  const std::set<std::string> used{"used"};
  EXPECT_TRUE(idle.forgettable(states, used, SteadyTime(0s)).empty());
  EXPECT_TRUE(idle.forgettable(states, used, SteadyTime(59s)).empty());
  EXPECT_EQ(idle.forgettable(states, used, SteadyTime(60s)), std::vector<std::string>{"idle"});
}

// A message in between starts the time anew.
TEST(IdleQueues, AMessageStartsTheTimeAnew) {
  IdleQueues idle(60s);
  const auto at = [&](std::chrono::seconds time, std::int64_t ready) {
    return idle.forgettable({{.name = "q", .depth = {.ready = ready}}}, {}, SteadyTime(time)).size();
  };
  EXPECT_EQ(at(0s, 0), 0u);
  EXPECT_EQ(at(50s, 1), 0u);
  EXPECT_EQ(at(61s, 0), 0u);
  EXPECT_EQ(at(120s, 0), 0u);
  EXPECT_EQ(at(121s, 0), 1u);
}

}  // namespace
}  // namespace medsynth::cli
