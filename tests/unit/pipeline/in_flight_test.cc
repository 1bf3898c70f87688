#include "medsynth/pipeline/in_flight.h"

#include <gtest/gtest.h>

namespace medsynth::pipeline {
namespace {

std::shared_ptr<InFlightTask> add(InFlight& all, const std::string& name) {
  auto task = std::make_shared<InFlightTask>("t" + name, "m" + name, "act", WallTime{}, true, true);
  all.add(task);
  return task;
}

TEST(InFlight, ShowsWhatItHoldsUntilItIsRemoved) {
  InFlight all;
  const auto task = add(all, "");
  task->show("waiting", "cpu", WallTime{});
  ASSERT_EQ(all.reports().size(), 1u);
  EXPECT_EQ(all.reports()[0].reason, "cpu");
  all.remove(task);
  EXPECT_EQ(all.size(), 0u);
}

// Tasks wait for their model until they run; those that want none wait for none.
TEST(InFlight, CountsWhoWaitsForAModel) {
  InFlight all;
  const auto first = add(all, "1"), second = add(all, "2");
  const auto without = add(all, "3");
  first->wants("m");
  second->wants("m");
  EXPECT_EQ(all.waiting_for_models(), (std::map<std::string, std::int64_t>{{"m", 2}}));
  first->show("running", "", WallTime{});
  EXPECT_EQ(all.waiting_for_models(), (std::map<std::string, std::int64_t>{{"m", 1}}));
}

// A task that was cancelled and is then asked to stop for a shutdown ends as cancelled: it must not run
// again.
TEST(InFlight, TheFirstCauseOfAStopStays) {
  InFlight all;
  const auto task = add(all, "");
  EXPECT_FALSE(task->stop_token().stop_requested());
  task->stop(StopCause::cancelled);
  all.stop_all(StopCause::shutdown);
  EXPECT_TRUE(task->stop_token().stop_requested());
  EXPECT_EQ(task->stop_cause(), StopCause::cancelled);
}

}  // namespace
}  // namespace medsynth::pipeline
