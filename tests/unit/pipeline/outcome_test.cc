#include "medsynth/pipeline/outcome.h"

#include <gtest/gtest.h>

#include "medsynth/jobs/jobs.h"

namespace medsynth::pipeline {
namespace {

using namespace std::chrono_literals;

dramatiq::Message failed_before(int times) {
  dramatiq::Message message = dramatiq::make_message("medsynth", "detect_contradiction", "{}", WallTime{});
  if (times > 0) message.set_option("retries", std::to_string(times));
  return message;
}

Outcome after(Error error, int failures = 0, StopCause stop = StopCause::none) {
  return decide({std::move(error), stop}, failed_before(failures), {.max_retries = 3}, 0.0);
}

TEST(Outcome, AResultCompletes) {
  const Outcome outcome = decide({Result<std::string>("{}")}, failed_before(0), {}, 0);
  ASSERT_TRUE(std::holds_alternative<Complete>(outcome));
  EXPECT_EQ(std::get<Complete>(outcome).result, "{}");
}

// A result that cannot be kept fails with the reason, and is not computed again.
TEST(Outcome, AResultAboveTheLimitFails) {
  const Outcome outcome =
      decide({Result<std::string>(std::string(jobs::kMaxResultBytes + 1, ' '))}, failed_before(0), {}, 0);
  ASSERT_TRUE(std::holds_alternative<Fail>(outcome));
  EXPECT_NE(std::get<Fail>(outcome).error.find("10000001"), std::string::npos);
}

// A damaged model's numbers are none, and its result would break every reader.
TEST(Outcome, AResultThatIsNoJsonFails) {
  for (const char* result : {R"({"score":NaN})", R"({"embeddings":[[0.1,-Infinity]]})", "", "{"}) {
    const Outcome outcome = decide({Result<std::string>(result)}, failed_before(0), {}, 0);
    ASSERT_TRUE(std::holds_alternative<Fail>(outcome)) << result;
    EXPECT_NE(std::get<Fail>(outcome).error.find("is not JSON"), std::string::npos);
  }
}

TEST(Outcome, AFailureIsRetriedUntilTheRetriesAreUsedUp) {
  const Outcome first = after({Code::internal, "broken", ""});
  ASSERT_TRUE(std::holds_alternative<Retry>(first));
  EXPECT_EQ(std::get<Retry>(first).delay, 15s);
  EXPECT_TRUE(std::holds_alternative<Retry>(after({Code::timeout, "slow", ""}, 2)));
  EXPECT_TRUE(std::holds_alternative<Fail>(after({Code::internal, "broken", ""}, 3)));
}

// The cause may know how long it lasts; trying earlier would be in vain.
TEST(Outcome, ARetryWaitsAtLeastAsLongAsTheCauseSays) {
  Error error{Code::unavailable, "model failed to load", ""};
  error.retry_after = 60s;
  EXPECT_EQ(std::get<Retry>(after(error)).delay, 60s);
}

TEST(Outcome, WhatWouldFailAgainIsNotRetried) {
  for (const Code code : {Code::invalid_argument, Code::not_found, Code::not_allowed})
    EXPECT_TRUE(std::holds_alternative<Fail>(after({code, "wrong", ""})));
}

TEST(Outcome, AStopIsNoFailure) {
  EXPECT_TRUE(
      std::holds_alternative<EndCancelled>(after({Code::cancelled, "stopped", ""}, 3, StopCause::cancelled)));
  EXPECT_TRUE(
      std::holds_alternative<GiveBack>(after({Code::cancelled, "stopped", ""}, 3, StopCause::shutdown)));
}

// Work that was done in spite of the stop is kept.
TEST(Outcome, AResultBeatsAStop) {
  EXPECT_TRUE(std::holds_alternative<Complete>(
      decide({Result<std::string>("1"), StopCause::cancelled}, failed_before(0), {}, 0)));
}

}  // namespace
}  // namespace medsynth::pipeline
