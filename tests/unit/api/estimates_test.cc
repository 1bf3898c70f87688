#include "medsynth/api/estimates.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

using namespace std::chrono_literals;
constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

// Shown that it starts in 10 to 20 s: what happens then is told once.
TEST(Estimates, AreHeldToAccount) {
  for (const auto& [after, outcome] : {std::pair(15s, "hit"), {5s, "early"}, {25s, "late"}}) {
    Estimates estimates;
    estimates.shown("t", {10, 20}, kNow);
    EXPECT_FALSE(estimates.heard("other", "processing", kNow + after));
    EXPECT_EQ(estimates.heard("t", "processing", kNow + after), outcome);
    EXPECT_FALSE(estimates.heard("t", "completed", kNow + after));
    EXPECT_TRUE(estimates.empty());
  }
}

// It is the first that people rely on; looking again and again does not make it better.
TEST(Estimates, TheFirstOfATaskCounts) {
  Estimates estimates;
  estimates.shown("t", {10, 20}, kNow);
  estimates.shown("t", {0, 1}, kNow + 25s);
  EXPECT_EQ(estimates.heard("t", "processing", kNow + 25s), "late");
}

// Nobody is to blame where it never starts.
TEST(Estimates, ATaskThatIsCancelledDoesNotCount) {
  for (const char* status : {"cancelled", "deleted"}) {
    Estimates estimates;
    estimates.shown("t", {10, 20}, kNow);
    EXPECT_FALSE(estimates.heard("t", status, kNow + 15s));
    EXPECT_TRUE(estimates.empty());
  }
}

TEST(Estimates, AreBounded) {
  Estimates estimates;
  for (std::size_t i = 0; i < Estimates::kMax + 10; ++i) estimates.shown(std::to_string(i), {1, 2}, kNow);
  EXPECT_TRUE(estimates.heard("0", "processing", kNow));
  EXPECT_FALSE(estimates.heard(std::to_string(Estimates::kMax + 5), "processing", kNow));
}

}  // namespace
}  // namespace medsynth::api
