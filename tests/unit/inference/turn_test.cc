#include "medsynth/inference/turn.h"

#include <thread>

#include <gtest/gtest.h>

namespace medsynth::inference {
namespace {

using namespace std::chrono_literals;

Until in(std::chrono::milliseconds time) {
  return {.deadline = std::chrono::steady_clock::now() + time};
}

// The turn is taken: who waits gets it when it is given back.
TEST(Turn, IsHandedOn) {
  Turn turn;
  std::optional<Result<Turn::Taken>> first(turn.take({}));
  ASSERT_TRUE(*first);
  std::jthread second([&] { EXPECT_TRUE(turn.take(in(20s))); });
  first.reset();
}

// The turn stays taken: the waiter's deadline is a timeout, its stop is cancelled, and the turn is not lost.
TEST(Turn, WaitEnds) {
  Turn turn;
  {
    const auto first = turn.take({});
    ASSERT_TRUE(first);
    EXPECT_EQ(turn.take(in(5ms)).error().code, Code::timeout);
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_EQ(turn.take({.stop = stop.get_token()}).error().code, Code::cancelled);
  }
  EXPECT_TRUE(turn.take({}));
}

// check: nothing before the deadline, timeout after it, cancelled when stopped.
TEST(Until, IsChecked) {
  EXPECT_TRUE(check({}, "x"));
  EXPECT_TRUE(check(in(20s), "x"));
  EXPECT_EQ(check(in(-1ms), "x").error().code, Code::timeout);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(check({.stop = stop.get_token()}, "x").error().code, Code::cancelled);
}

}  // namespace
}  // namespace medsynth::inference
