#include "medsynth/inference/command.h"

#include <thread>

#include <gtest/gtest.h>

namespace medsynth::inference {
namespace {

using namespace std::chrono_literals;

// A program that ends: its status, and both its streams.
TEST(Command, GivesStatusAndOutput) {
  const auto ran = run({.arguments = {"sh", "-c", "echo out; echo err >&2; echo $ADDED; exit 7"},
                        .environment = {{"ADDED", "yes"}}});
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->status, 7);
  EXPECT_EQ(ran->output, "out\nerr\nyes\n");
}

// Much output: the end of it is kept. Closed streams: its end is still seen.
TEST(Command, KeepsTheEnd) {
  const auto ran = run({.arguments = {"sh", "-c", "seq 1 20000; exec >&- 2>&-; exit 3"}});
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->status, 3);
  EXPECT_LE(ran->output.size(), 16384U);
  EXPECT_TRUE(ran->output.ends_with("19999\n20000\n"));
}

// No such program: not_found.
TEST(Command, MissingProgram) {
  EXPECT_EQ(run({.arguments = {"no-such-program-here"}}).error().code, Code::not_found);
}

// A program that goes on: ended at the timeout, with what it started.
TEST(Command, TimeoutKillsIt) {
  EXPECT_EQ(run({.arguments = {"sh", "-c", "sleep 60 & sleep 60"}, .timeout = 20ms}).error().code,
            Code::timeout);
}

// A stop from another thread: cancelled at once.
TEST(Command, StopKillsIt) {
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(run({.arguments = {"sleep", "60"}, .stop = stop.get_token()}).error().code, Code::cancelled);
}

}  // namespace
}  // namespace medsynth::inference
