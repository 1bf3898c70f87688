#include "medsynth/worker/in_hand.h"

#include <gtest/gtest.h>

namespace medsynth::worker {
namespace {

TEST(InHand, ShowsWhatItHoldsUntilItIsRemoved) {
  InHand hand;
  const auto task = hand.add("t", "m", "detect_contradiction", WallTime{}, true);
  task->show("waiting", "cpu", WallTime{});
  ASSERT_EQ(hand.reports().size(), 1u);
  EXPECT_EQ(hand.reports()[0].reason, "cpu");
  hand.remove(task);
  EXPECT_EQ(hand.size(), 0u);
}

// Tasks wait for their model until they run; those that want none wait for none.
TEST(InHand, CountsWhoWaitsForAModel) {
  InHand hand;
  const auto first = hand.add("t1", "m1", "a", WallTime{}, false),
             second = hand.add("t2", "m2", "a", WallTime{}, false);
  const auto without = hand.add("t3", "m3", "a", WallTime{}, false);
  first->wants("m");
  second->wants("m");
  EXPECT_EQ(hand.waiting_for_models(), (std::map<std::string, std::int64_t>{{"m", 2}}));
  first->show("running", "", WallTime{});
  EXPECT_EQ(hand.waiting_for_models(), (std::map<std::string, std::int64_t>{{"m", 1}}));
}

// A task that was cancelled and is then asked to stop for a shutdown ends as cancelled: it must not run
// again.
TEST(InHand, TheFirstCauseOfAStopStays) {
  InHand hand;
  const auto task = hand.add("t", "m", "a", WallTime{}, true);
  EXPECT_FALSE(task->stop_token().stop_requested());
  task->stop(StopCause::cancelled);
  hand.stop_all(StopCause::shutdown);
  EXPECT_TRUE(task->stop_token().stop_requested());
  EXPECT_EQ(task->stop_cause(), StopCause::cancelled);
}

}  // namespace
}  // namespace medsynth::worker
