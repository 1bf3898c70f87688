#include "medsynth/dramatiq/retries.h"

#include <gtest/gtest.h>

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;

Message with_options(std::vector<std::pair<std::string, std::string>> options) {
  Message message;
  message.options = std::move(options);
  return message;
}

std::optional<std::int64_t> delay_ms(std::int64_t retries, const RetryPolicy& policy, double uniform) {
  const auto delay = next_delay(with_options({{"retries", std::to_string(retries)}}), policy, uniform);
  if (!delay) return std::nullopt;
  return delay->count();
}

// docs/dramatiq-protocol.md, 4.1: int(min * 2^r * U(1,2)), and int(max * U(0.5,1)) once that is above max.
TEST(Retries, DelaysDoubleUpToTheLongest) {
  const RetryPolicy policy;
  EXPECT_EQ(next_delay(Message{}, policy, 0), 15'000ms);
  EXPECT_EQ(delay_ms(0, policy, 0.5), 22'500);
  EXPECT_EQ(delay_ms(1, policy, 0), 30'000);
  EXPECT_EQ(delay_ms(3, policy, 0.25), 150'000);
  EXPECT_EQ(delay_ms(19, policy, 0), 302'400'000);
  EXPECT_EQ(delay_ms(19, policy, 0.5), 453'600'000);
  const RetryPolicy short_ones{.max_retries = 100, .min_backoff = 10ms, .max_backoff = 100ms};
  EXPECT_EQ(delay_ms(3, short_ones, 0), 80);
  EXPECT_EQ(delay_ms(3, short_ones, 0.5), 75);  // 120 would be above 100
  EXPECT_EQ(delay_ms(90, short_ones, 0), 50);
  const RetryPolicy at_once{.min_backoff = 0ms};
  EXPECT_EQ(delay_ms(5, at_once, 0.9), 0);
  const RetryPolicy longer_than_a_week{.max_retries = std::nullopt, .max_backoff = 999'999'999'999ms};
  EXPECT_EQ(delay_ms(1000, longer_than_a_week, 0), 302'400'000);
}

TEST(Retries, TheLastAttemptHasNoNextOne) {
  const RetryPolicy three{.max_retries = 3};
  EXPECT_TRUE(delay_ms(2, three, 0));
  EXPECT_FALSE(delay_ms(3, three, 0));
  EXPECT_FALSE(delay_ms(0, {.max_retries = 0}, 0));
  EXPECT_TRUE(delay_ms(1'000'000, {.max_retries = std::nullopt}, 0));
}

TEST(Retries, TheMessagesOwnOptionsWinWhenTheyArePresent) {
  const RetryPolicy actor{.max_retries = 3, .min_backoff = 1ms, .max_backoff = 2ms};
  const RetryPolicy none = policy_of(with_options({}), actor);
  EXPECT_EQ(none.max_retries, 3);
  EXPECT_EQ(none.min_backoff, 1ms);
  const RetryPolicy own =
      policy_of(with_options({{"max_retries", "0"}, {"min_backoff", "50"}, {"max_backoff", "60.5"}}), actor);
  EXPECT_EQ(own.max_retries, 0);
  EXPECT_EQ(own.min_backoff, 50ms);
  EXPECT_EQ(own.max_backoff, 60ms);
  EXPECT_EQ(policy_of(with_options({{"max_retries", "null"}}), actor).max_retries, std::nullopt);
  EXPECT_EQ(policy_of(with_options({{"max_retries", "\"many\""}}), actor).max_retries,
            3);  // no number: the actor's
}

TEST(Retries, AFailureIsWrittenIntoTheMessage) {
  const WallTime now{1'700'000'000'123ms};
  Message message = after_failure(with_options({{"eta", "1"}}), "line 1\n\"é\"", now);
  EXPECT_EQ(message.options,
            (std::vector<std::pair<std::string, std::string>>{{"eta", "1"},
                                                              {"retries", "1"},
                                                              {"traceback", R"("line 1\n\"\u00e9\"")"},
                                                              {"requeue_timestamp", "1700000000123"}}));
  message = after_failure(std::move(message), "again", now);
  EXPECT_EQ(message.option("retries"), "2");
  EXPECT_EQ(after_failure(with_options({{"retries", "\"x\""}}), "", now).option("retries"), "1");
}

}  // namespace
}  // namespace medsynth::dramatiq
