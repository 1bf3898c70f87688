#include "medsynth/limits/shares.h"

#include <gtest/gtest.h>

namespace medsynth::limits {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{};

// One task alone: all that its process used while it ran is its own, what came before is not.
TEST(Meter, GivesALoneTaskEverything) {
  Meter meter;
  meter.start(1, 0, kStart, 5s);
  const auto use = meter.stop(1, kStart + 10s, 20s);
  ASSERT_TRUE(use);
  EXPECT_DOUBLE_EQ(use->cpus, 1.5);
  EXPECT_EQ(use->ran, 10s);
  EXPECT_FALSE(meter.stop(1, kStart + 10s, 20s)) << "it has ended";
}

// Two tasks that overlap share what was used meanwhile, in proportion to their shares.
TEST(Meter, DividesByShare) {
  Meter meter;
  meter.start(1, 30, kStart, 0s);
  meter.start(2, 10, kStart + 10s, 10s);
  EXPECT_DOUBLE_EQ(meter.stop(1, kStart + 20s, 30s)->cpus, (10 + 15) / 20.0);
  EXPECT_DOUBLE_EQ(meter.stop(2, kStart + 20s, 30s)->cpus, 5 / 10.0);
}

// Nobody knows any share: evenly.
TEST(Meter, DividesEvenlyAtFirst) {
  Meter meter;
  meter.start(1, 0, kStart, 0s);
  meter.start(2, 0, kStart, 0s);
  EXPECT_DOUBLE_EQ(meter.stop(1, kStart + 10s, 10s)->cpus, 0.5);
  EXPECT_DOUBLE_EQ(meter.stop(2, kStart + 10s, 10s)->cpus, 0.5);
}

// It rises fast and falls slowly, and does not fall on a full machine, where each takes less than it would.
TEST(LearnedShare, FollowsCarefully) {
  LearnedShare share = learned({}, 40, false);
  EXPECT_EQ(share.percent, 40);
  EXPECT_DOUBLE_EQ(learned(share, 80, true).percent, 60);
  EXPECT_DOUBLE_EQ(learned(share, 20, false).percent, 38);
  EXPECT_DOUBLE_EQ(learned(share, 20, true).percent, 40);
  EXPECT_EQ(learned(share, 900, false).percent, 70) << "nothing takes more than all";
  EXPECT_EQ(learned(share, 20, true).tasks, 2u);
}

}  // namespace
}  // namespace medsynth::limits
