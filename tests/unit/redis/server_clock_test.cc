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
  const WallTime asked = here.now();
  const WallTime theirs = asked + 1h;
  here.advance(10ms);
  clock.heard(asked, theirs, here.now());
  EXPECT_LE(std::chrono::abs(clock.now() - (here.now() + 1h)), 10ms);
  here.advance(5s);
  EXPECT_LE(std::chrono::abs(clock.now() - (here.now() + 1h)), 10ms);
  // Somebody sets our clock: the next answer shows it.
  clock.heard(here.now(), here.now(), here.now() + 1ms);
  EXPECT_LE(std::chrono::abs(clock.now() - here.now()), 1ms);
}

// On one machine the answer always lies between question and answer: nothing moves.
TEST(ServerClock, StaysWhereItAgrees) {
  ManualClock here;
  ServerClock clock(here);
  for (int i = 0; i < 5; ++i) clock.heard(here.now(), here.now() + 40ms, here.now() + 900ms);
  EXPECT_EQ(clock.ahead(), 0us);
  // A slow answer tells little, and takes nothing of what is known.
  clock.heard(here.now(), here.now() + 10s, here.now() + 1ms);
  const auto known = clock.ahead();
  clock.heard(here.now(), here.now() + 12s, here.now() + 4s);
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
