#include "medsynth/api/callers.h"

#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{std::chrono::hours(1)};

Callers::Caller caller(std::string id, CallerLimits limits) {
  return {std::move(id), "The key 'ci'", std::move(limits)};
}

// One caller's requests do not count for another.
TEST(Callers, AreHeldToTheirRateEach) {
  Callers callers;
  const auto one = caller("one", {.rate = Rate{2, 60}}), other = caller("other", {.rate = Rate{2, 60}});
  EXPECT_EQ((*callers.enter(one, kStart))->taken()->left, 1);
  EXPECT_TRUE(callers.enter(one, kStart));
  const auto refused = callers.enter(one, kStart);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_EQ(refused.error().reason, "rate_exceeded");
  EXPECT_EQ(refused.error().retry_after, 30s);
  EXPECT_NE(refused.error().message.find("The key 'ci' may make 2/m requests"), std::string::npos);
  EXPECT_TRUE(callers.enter(other, kStart));
  EXPECT_TRUE(callers.enter(one, kStart + 30s));
}

// A place is free as soon as its request has ended, and one that was refused has none.
TEST(Callers, HaveSoManyRequestsUnderWay) {
  Callers callers;
  const auto one = caller("one", {.concurrent = 2});
  auto first = callers.enter(one, kStart), second = callers.enter(one, kStart);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE((*first)->taken());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(callers.enter(one, kStart).error().reason, "concurrency_exceeded");
  EXPECT_TRUE(callers.enter(caller("other", {.concurrent = 1}), kStart));
  first->reset();
  EXPECT_TRUE(callers.enter(one, kStart));
}

TEST(Callers, HoldSoManyBytes) {
  constexpr std::int64_t kMax = 10 * static_cast<std::int64_t>(BytesInFlight::kAlways);
  Callers callers;
  const auto one = caller("one", {.bytes_in_flight = kMax});
  auto first = callers.enter(one, kStart), second = callers.enter(one, kStart);
  EXPECT_TRUE((*first)->hold(kMax));
  EXPECT_FALSE((*second)->hold(BytesInFlight::kAlways + 1));
  EXPECT_TRUE((*second)->hold(BytesInFlight::kAlways));
  const Error error = (*second)->too_many_bytes();
  EXPECT_EQ(error.code, Code::exhausted);
  EXPECT_EQ(error.reason, "bytes_exceeded");
  EXPECT_TRUE((*callers.enter(caller("other", {.bytes_in_flight = kMax}), kStart))->hold(kMax));
  first->reset();
  EXPECT_TRUE((*second)->hold(kMax));
}

// A million addresses: those that rest are forgotten, and when all are busy the rest shares one place, so memory is
// bounded and nobody who is busy is forgotten.
TEST(Callers, AreRememberedUpToABound) {
  Callers callers;
  const CallerLimits limits{.rate = Rate{1, 60}, .concurrent = 2};
  std::vector<std::unique_ptr<Callers::Turn>> busy;
  for (std::size_t i = 0; i < 100; ++i)
    busy.push_back(std::move(*callers.enter(caller(fmt::format("busy-{}", i), {.concurrent = 1}), kStart)));
  for (std::size_t i = 0; i < 3 * Callers::kMax; ++i) {
    (void)callers.enter(caller(fmt::format("a-{}", i), limits), kStart);
    ASSERT_LE(callers.size(), Callers::kMax + 1);
  }
  // Their buckets are not full: nothing was forgotten, and late ones share what the first of them left.
  EXPECT_EQ(callers.enter(caller("a-0", limits), kStart).error().reason, "rate_exceeded");
  EXPECT_EQ(callers.enter(caller("late", limits), kStart).error().reason, "rate_exceeded");
  EXPECT_TRUE(callers.enter(caller("late", limits), kStart + 2min));
  EXPECT_LE(callers.size(), 102u);
  EXPECT_EQ(callers.enter(caller("busy-7", {.concurrent = 1}), kStart + 2min).error().reason,
            "concurrency_exceeded");
}

// Of IPv6 everybody has a network of addresses.
TEST(Callers, AnAddressIsWhatOneCallerHas) {
  EXPECT_EQ(address_group("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(address_group("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(address_group("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(address_group("2001:db8:1:2::9"), address_group("2001:db8:1:2:ffff::"));
  EXPECT_NE(address_group("2001:db8:1:3::9"), address_group("2001:db8:1:2::9"));
  EXPECT_EQ(address_group(""), "");
}

TEST(Callers, LimitsArePeoplesWords) {
  EXPECT_EQ(limits_text({}), "");
  EXPECT_EQ(limits_text({Rate{20, 1}, 8, 32 << 20, 1000}), "20/s, 8 at once, 32 MB, queues to 1000");
}

}  // namespace
}  // namespace medsynth::api
