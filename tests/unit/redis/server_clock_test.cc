#include "medsynth/redis/server_clock.h"

#include <gtest/gtest.h>

namespace medsynth::redis {
namespace {

using namespace std::chrono_literals;

Reply text_reply(std::string text) {
  return {.kind = Reply::Kind::text, .text = std::move(text)};
}

// A machine whose clock is an hour behind says Redis' time, within the time that the question took.
TEST(ServerClock, FollowsRedis) {
  ManualClock here;
  ServerClock clock(here);
  EXPECT_EQ(clock.now(), here.now());
  const SteadyTime asked = here.elapsed();
  const WallTime theirs = here.now() + 1h;
  here.advance(10ms);
  clock.heard(asked, theirs, here.elapsed());
  EXPECT_LE(std::chrono::abs(clock.now() - (here.now() + 1h)), 10ms);
  here.advance(5s);
  EXPECT_LE(std::chrono::abs(clock.now() - (here.now() + 1h)), 10ms);
  // Somebody sets Redis' clock: the next answer shows it.
  clock.heard(here.elapsed(), here.now(), here.elapsed() + 1ms);
  EXPECT_LE(std::chrono::abs(clock.now() - here.now()), 1ms);
}

// A retry's time that is wrong by the jump would come that much too late: a task stood still for it.
TEST(ServerClock, DoesNotJumpWithThisMachines) {
  ManualClock here;
  ServerClock clock(here);
  clock.heard(here.elapsed(), here.now(), here.elapsed());
  const WallTime before = clock.now();
  for (const auto by : {30s, -90s}) {
    here.set(here.now() + by);
    EXPECT_EQ(clock.now(), before);
  }
  here.advance(2s);
  EXPECT_EQ(clock.now(), before + 2s);
}

// On one machine the answer always lies between question and answer: nothing moves.
TEST(ServerClock, StaysWhereItAgrees) {
  ManualClock here;
  ServerClock clock(here);
  const auto now = here.elapsed();
  for (int i = 0; i < 5; ++i) clock.heard(now, here.now() + 40ms, now + 900ms);
  EXPECT_EQ(clock.ahead(), 0us);
  // A slow answer tells little, and takes nothing of what is known.
  clock.heard(now, here.now() + 10s, now + 1ms);
  const auto known = clock.ahead();
  clock.heard(now, here.now() + 12s, now + 4s);
  EXPECT_EQ(clock.ahead(), known);
}

TEST(ServerClock, ReadsTheAnswerOfTime) {
  const auto time = [](std::string seconds, std::string micros) {
    return time_of({.kind = Reply::Kind::list, .list = {text_reply(seconds), text_reply(micros)}});
  };
  EXPECT_EQ(time("1700000000", "123"), WallTime(1'700'000'000'000'123us));
  EXPECT_FALSE(time("1700000000", "1000000"));
  EXPECT_FALSE(time("-1", "0"));
  EXPECT_FALSE(time("9223372036854775807", "0"));
  EXPECT_FALSE(time("x", "0"));
  EXPECT_FALSE(time_of({}));
  EXPECT_FALSE(time_of(text_reply("PONG")));
}

}  // namespace
}  // namespace medsynth::redis
