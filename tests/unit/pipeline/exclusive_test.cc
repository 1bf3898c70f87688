#include "medsynth/pipeline/exclusive.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace medsynth::pipeline {
namespace {

TEST(Exclusive, ManyTogetherButNobodyBesideOneByItself) {
  Exclusive alone;
  std::atomic<int> together{0}, by_themselves{0}, wrong{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        const bool by_itself = (t + i) % 5 == 0;
        const auto place = alone.enter(by_itself, {});
        if (by_itself) {
          if (by_themselves.fetch_add(1) != 0 || together != 0) ++wrong;
          --by_themselves;
        } else {
          together.fetch_add(1);
          if (by_themselves != 0) ++wrong;
          --together;
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

// Who need not wait does not: beside others, but not beside one that runs by itself, nor before one that
// waits to.
TEST(Exclusive, TryEnterDoesNotWait) {
  Exclusive alone;
  {
    const auto first = alone.try_enter(), second = alone.try_enter();
    EXPECT_TRUE(first && second);
  }
  {
    const auto by_itself = alone.enter(true, {});
    EXPECT_FALSE(alone.try_enter());
  }
  EXPECT_TRUE(alone.try_enter());
}

TEST(Exclusive, AStoppedWaiterLeavesAndLetsOthersIn) {
  Exclusive alone;
  auto first = alone.enter(false, {});
  std::stop_source stop;
  std::jthread waiter([&] { EXPECT_FALSE(alone.enter(true, stop.get_token())); });
  stop.request_stop();
  waiter.join();
  EXPECT_TRUE(alone.enter(false, {}));
}

TEST(Exclusive, APlaceThatWasMovedFromHoldsNothing) {
  Exclusive alone;
  auto place = alone.enter(true, {});
  {
    const Exclusive::Place moved = std::move(place);
  }
  EXPECT_TRUE(alone.enter(true, {}));
}

}  // namespace
}  // namespace medsynth::pipeline
