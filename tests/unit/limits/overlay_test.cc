#include "medsynth/limits/overlay.h"

#include <limits>

#include <gtest/gtest.h>

namespace medsynth::limits {
namespace {

TEST(Overlay, LiesOverTheMachinesOwn) {
  const auto [limits, used, faults] =
      overlay({}, {{"max_cpu_percent", 55}, {"max_concurrent_tasks", 2}, {"of_the_future", 1}});
  EXPECT_EQ(limits, (Limits{.max_cpu_percent = 55, .max_concurrent_tasks = 2}));
  EXPECT_EQ(used.size(), 2u);
  EXPECT_TRUE(faults.empty());
}

// What a PUT would refuse is not believed because it lies in Redis: the machine's own limit stays, and the
// fault names the limit and the value.
TEST(Overlay, RefusesWhatAPutWouldRefuse) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double wrong : {nan, infinity, -infinity, -1.0, 100.5, 1e300}) {
    const auto [limits, used, faults] = overlay({.max_cpu_percent = 70}, {{"max_cpu_percent", wrong}});
    EXPECT_EQ(limits.max_cpu_percent, 70) << wrong;
    EXPECT_TRUE(used.empty());
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_EQ(faults[0].pointer, "/max_cpu_percent");
  }
  for (const double wrong : {nan, infinity, -1.0, 0.0, 2.5, 4097.0, 1e300}) {
    const auto [limits, used, faults] = overlay({}, {{"max_concurrent_tasks", wrong}});
    EXPECT_EQ(limits.max_concurrent_tasks, 5) << wrong;
    EXPECT_EQ(faults.size(), 1u);
  }
}

}  // namespace
}  // namespace medsynth::limits
