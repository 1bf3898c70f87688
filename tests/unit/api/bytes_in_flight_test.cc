#include "medsynth/api/bytes_in_flight.h"

#include <optional>

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

constexpr std::size_t kMax = 10 * BytesInFlight::kAlways;

// The sum is what counts, and what one gives back another may have.
TEST(BytesInFlight, TheSumIsBounded) {
  BytesInFlight budget(kMax);
  std::optional<BytesInFlight::Share> one(budget);
  BytesInFlight::Share two(budget);
  EXPECT_TRUE(one->hold(kMax - 1));
  EXPECT_TRUE(one->hold(kMax));
  EXPECT_FALSE(two.hold(BytesInFlight::kAlways + 1));
  EXPECT_EQ(budget.held(), kMax);
  one.reset();
  EXPECT_EQ(budget.held(), 0u);
  EXPECT_TRUE(two.hold(kMax));
  EXPECT_FALSE(two.hold(kMax + 1));
  EXPECT_EQ(budget.held(), kMax);
  EXPECT_TRUE(two.hold(1));
  EXPECT_EQ(budget.held(), 1u);
}

// /livez answers whatever the others send.
TEST(BytesInFlight, ALittleIsAlwaysThere) {
  BytesInFlight budget(kMax);
  BytesInFlight::Share large(budget), small(budget);
  EXPECT_TRUE(large.hold(kMax));
  EXPECT_TRUE(small.hold(BytesInFlight::kAlways));
}

}  // namespace
}  // namespace medsynth::api
