#include "medsynth/dramatiq/rate_limits.h"

#include <gtest/gtest.h>

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

constexpr WallTime kNow{12'345'678ms};

// Everything after the script: the number of keys, the keys, limit and life.
Words asked(const redis::Query<bool>& query) {
  const Words& words = query.commands.at(0).words;
  return {words.begin() + 2, words.end()};
}

// The keys of Python's limiters: as it is, the start of the bucket in ms, one per second of the window.
TEST(RateLimits, UseTheKeysOfPython) {
  EXPECT_EQ(asked(acquire(concurrent_limit("k", 3), kNow)), (Words{"1", "k", "3", "900000"}));
  EXPECT_EQ(asked(acquire(bucket_limit("k", 2, 5s), kNow)), (Words{"1", "k@12345000", "2", "5000"}));
  EXPECT_EQ(asked(acquire(window_limit("k", 2, 3s), kNow)),
            (Words{"3", "k@12345", "k@12344", "k@12343", "2", "3000"}));
  EXPECT_EQ(asked(release(concurrent_limit("k", 3, 7s))), (Words{"1", "k", "7000"}));
}

TEST(RateLimits, APermitIsGivenBackOnce) {
  int given = 0;
  {
    Permit first([&] { ++given; });
    const Permit second = std::move(first);
    EXPECT_EQ(given, 0);
  }
  EXPECT_EQ(given, 1);
}

}  // namespace
}  // namespace medsynth::dramatiq
