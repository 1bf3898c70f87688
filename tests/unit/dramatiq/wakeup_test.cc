#include "medsynth/dramatiq/wakeup.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "support/eventually.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using test::eventually;

constexpr auto kLong = 20s;

TEST(Wakeup, ANotificationBeforeTheWaitEndsItOnce) {
  Wakeup wakeup;
  wakeup.notify();
  EXPECT_TRUE(wakeup.wait_until(steady_now() + kLong, {}));
  EXPECT_FALSE(wakeup.wait_until(steady_now(), {}));
}

TEST(Wakeup, EndsOnStop) {
  Wakeup wakeup;
  std::jthread waiting(
      [&](std::stop_token stop) { EXPECT_FALSE(wakeup.wait_until(steady_now() + kLong, stop)); });
  waiting.request_stop();
}

TEST(Wakeup, NobodyTakesOverFromOneThatDoesNotWait) {
  Wakeup wakeup;
  EXPECT_FALSE(wakeup.take_over());
}

// The thread sleeps on while another does its work, even when it is notified, and even when it is to stop.
TEST(Wakeup, SleepsUntilItsWorkIsHandedBack) {
  Wakeup wakeup;
  std::atomic<int> woken{0};
  std::jthread waiting([&](std::stop_token stop) {
    EXPECT_TRUE(wakeup.wait_until(steady_now() + kLong, stop));
    ++woken;
  });
  EXPECT_TRUE(eventually([&] { return wakeup.take_over(); }));
  EXPECT_FALSE(wakeup.take_over()) << "one at a time";
  wakeup.notify();
  waiting.request_stop();
  EXPECT_FALSE(eventually([&] { return woken > 0; }, 50ms));
  wakeup.hand_back(false);
  waiting.join();
  EXPECT_EQ(woken, 1);
}

TEST(Wakeup, HandedBackWithNewsItWakes) {
  Wakeup wakeup;
  std::jthread waiting([&] { EXPECT_TRUE(wakeup.wait_until(steady_now() + kLong, {})); });
  EXPECT_TRUE(eventually([&] { return wakeup.take_over(); }));
  wakeup.hand_back(true);
}

}  // namespace
}  // namespace medsynth::dramatiq
