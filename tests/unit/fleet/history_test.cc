#include "medsynth/fleet/history.h"

#include <gtest/gtest.h>

#include "medsynth/fleet/fleet.h"

namespace medsynth::fleet {
namespace {

using namespace std::chrono_literals;

Sample sample(const std::string& name, double value, std::vector<std::int64_t> counts = {}) {
  return {.name = name, .value = value, .counts = std::move(counts)};
}

// All queues and actors together; and what a worker adds is the difference.
TEST(History, TotalsAreSums) {
  const Tally totals =
      totals_of({sample("dramatiq_messages_total", 3), sample("dramatiq_messages_total", 4),
                 sample("dramatiq_message_errors_total", 2), sample("other", 9),
                 sample("dramatiq_message_retries_total", 1), sample("dramatiq_message_rejects_total", 3),
                 sample("medsynth_task_queue_wait_seconds", 2.5, {1, 5})});
  EXPECT_EQ(totals.ended, 9);  // two failed when they ran, two more without
  EXPECT_EQ(totals.failed, 4);
  EXPECT_EQ(totals.started, 5);
  EXPECT_EQ(totals.waited, 2.5);
  const Tally more = since({.ended = 5, .failed = 1, .started = 2, .waited = 1, .cpu_percent = 99},
                           {.ended = 7, .failed = 1, .started = 5, .waited = 2.5, .cpu_percent = 10});
  EXPECT_EQ(more.ended, 2);
  EXPECT_EQ(more.failed, 0);
  EXPECT_EQ(more.waited, 1.5);
  EXPECT_EQ(more.cpu_percent, 10);
}

TEST(History, AStepIsReadAsItIsStored) {
  const auto step = read_step("170000000 7 1 5 2.500 - 41.5", 10s);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->at, WallTime(1'700'000'000s));
  EXPECT_EQ(step->tally.ended, 7);
  EXPECT_EQ(step->tally.waited, 2.5);
  EXPECT_FALSE(step->tally.cpu_percent);
  EXPECT_EQ(step->tally.memory_percent, 41.5);
  EXPECT_TRUE(read_step("170000000 7 1 5 2.500 - 41.5 a newer version's", 10s));
  for (const char* text : {"", "170000000", "x 7 1 5 2 - -", "170000000 7 1 5 nan - -",
                           "170000000 -7 1 5 2 - -", "1e99 7 1 5 2 - -"})
    EXPECT_FALSE(read_step(text, 10s)) << text;
}

}  // namespace
}  // namespace medsynth::fleet
