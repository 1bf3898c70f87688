#include "medsynth/api/rate.h"

#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace medsynth::api {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{std::chrono::hours(1)};

TEST(Rate, IsReadAndWrittenAsPeopleDo) {
  EXPECT_EQ(*parse_rate("--rate", "20/s"), (Rate{20, 1}));
  EXPECT_EQ(*parse_rate("--rate", "600/m"), (Rate{600, 60}));
  EXPECT_EQ(*parse_rate("--rate", "1000000/h"), (Rate{1'000'000, 3600}));
  for (const char* text : {"20/s", "600/m", "5000/h"}) EXPECT_EQ(rate_text(*parse_rate("", text)), text);
  for (const char* text : {"", "20", "20/", "/s", "0/s", "-1/s", "1000001/s", "1.5/s", "20/d", "20/ss",
                           "20 /s", " 20/s", "99999999999999999999/s"}) {
    const auto wrong = parse_rate("--rate", text);
    ASSERT_FALSE(wrong) << text;
    EXPECT_EQ(wrong.error().faults.at(0).pointer, "--rate");
  }
}

// As many as the rate has may come at once, then one by one as the bucket fills.
TEST(TokenBucket, FillsEvenly) {
  const Rate rate{4, 2};
  TokenBucket bucket;
  EXPECT_TRUE(bucket.is_full(kStart));
  for (std::int64_t left = 3; left >= 0; --left) {
    const auto taken = bucket.take(rate, kStart);
    EXPECT_TRUE(taken.allowed);
    EXPECT_EQ(taken.left, left);
  }
  const auto refused = bucket.take(rate, kStart);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.wait, 1s);
  EXPECT_EQ(refused.full_in, 2s);
  EXPECT_FALSE(bucket.take(rate, kStart + 499ms).allowed);
  EXPECT_TRUE(bucket.take(rate, kStart + 500ms).allowed);
  EXPECT_FALSE(bucket.take(rate, kStart + 999ms).allowed);
  EXPECT_FALSE(bucket.is_full(kStart + 2499ms));
  EXPECT_TRUE(bucket.is_full(kStart + 2500ms));
  EXPECT_EQ(bucket.take(rate, kStart + 1h).left, 3);  // no more than it holds, however long it filled
}

// Of any requests at any times, no stretch has more than the bucket holds and what came in since; and who comes when
// told is let in.
RC_GTEST_PROP(TokenBucket, HoldsAnybodyToTheRate, ()) {
  const Rate rate{*rc::gen::inRange<std::int64_t>(1, 50), *rc::gen::element<std::int64_t>(1, 60, 3600)};
  const auto steps = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 3000));
  TokenBucket bucket;
  SteadyTime now = kStart;
  std::vector<SteadyTime> allowed;
  for (const std::int64_t step : steps) {
    now += std::chrono::milliseconds(step * rate.seconds / 10);
    const auto taken = bucket.take(rate, now);
    if (taken.allowed) {
      allowed.push_back(now);
      continue;
    }
    RC_ASSERT(taken.wait.count() >= 1);
    TokenBucket later = bucket;
    RC_ASSERT(later.take(rate, now + taken.wait).allowed);
  }
  for (std::size_t first = 0; first < allowed.size(); ++first) {
    for (std::size_t last = first; last < allowed.size(); ++last) {
      const double seconds = std::chrono::duration<double>(allowed[last] - allowed[first]).count();
      const double most =
          static_cast<double>(rate.requests) * (1 + seconds / static_cast<double>(rate.seconds));
      RC_ASSERT(static_cast<double>(last - first + 1) <= most + 1e-3);
    }
  }
}

}  // namespace
}  // namespace medsynth::api
