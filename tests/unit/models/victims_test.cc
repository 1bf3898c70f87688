#include "medsynth/models/victims.h"

#include <tuple>
#include <utility>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace medsynth::models {
namespace {

using namespace std::chrono_literals;
using Chosen = std::vector<std::size_t>;

SteadyTime at(std::chrono::milliseconds time) {
  return SteadyTime{time};
}

// The cheapest set that is enough, also where it is not the cheapest models one by one.
TEST(Victims, LeastLossThatIsEnough) {
  const std::vector<Candidate> candidates{{4, 3.0, {}}, {4, 3.0, {}}, {8, 5.0, {}}, {1, 0.1, {}}};
  EXPECT_EQ(*choose_victims(candidates, 8, 1), (Chosen{2}));
  EXPECT_EQ(*choose_victims(candidates, 1, 1), (Chosen{3}));
  EXPECT_EQ(*choose_victims(candidates, 5, 1), (Chosen{0, 3}));
  EXPECT_EQ(choose_victims(candidates, 17, 1)->size(), 4U);
  EXPECT_FALSE(choose_victims(candidates, 18, 1));
  EXPECT_FALSE(choose_victims({}, 0, 1));
  EXPECT_EQ(choose_victims(candidates, 0, 2)->size(), 2U);
}

// Nothing is known: who is idle longest leaves.
TEST(Victims, AmongEqualsTheLongestIdle) {
  const std::vector<Candidate> candidates{{1, 0, at(5ms)}, {1, 0, at(2ms)}, {1, 0, at(9ms)}};
  EXPECT_EQ(*choose_victims(candidates, 1, 1), (Chosen{1}));
}

// A GPU is short: who has nothing there stays, however large it is elsewhere.
TEST(Victims, LeaveWhereTheShortageIs) {
  const std::vector<Candidate> candidates{
      {90, 0.1, {}}, {1, 5.0, {}, {8}}, {1, 1.0, {}, {0, 8}}, {1, 9.0, {}, {4, 4}}};
  const std::vector<std::uint64_t> first{8}, both{8, 4};
  EXPECT_EQ(*choose_victims(candidates, 0, 0, first), (Chosen{1}));
  EXPECT_EQ(*choose_victims(candidates, 0, 0, both), (Chosen{1, 2}));
  EXPECT_FALSE(choose_victims(candidates, 0, 0, std::vector<std::uint64_t>{13}));
}

// Against every subset, for any candidates.
RC_GTEST_PROP(Victims, IsTheBestOfAllSubsets, ()) {
  const auto drawn = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
      rc::gen::tuple(rc::gen::inRange(0, 9), rc::gen::inRange(0, 9), rc::gen::inRange(0, 9)));
  std::vector<Candidate> candidates;
  for (const auto& [bytes, loss, there] : drawn) {
    if (candidates.size() < 10)
      candidates.push_back({static_cast<std::uint64_t>(bytes),
                            static_cast<double>(loss),
                            {},
                            {static_cast<std::uint64_t>(there)}});
  }
  const std::vector<std::uint64_t> device{*rc::gen::inRange<std::uint64_t>(0, 20)};
  const auto bytes = *rc::gen::inRange<std::uint64_t>(0, 30);
  const auto places = *rc::gen::inRange<std::int64_t>(0, 4);
  std::optional<double> best;
  const auto loss_of = [&](std::size_t set) -> std::optional<double> {
    std::uint64_t freed = 0, there = 0;
    double loss = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!(set >> i & 1)) continue;
      freed += candidates[i].bytes, there += candidates[i].device_bytes[0], loss += candidates[i].loss;
    }
    if (freed < bytes || there < device[0] || __builtin_popcountll(set) < places) return std::nullopt;
    return loss;
  };
  for (std::size_t set = 0; set < std::size_t{1} << candidates.size(); ++set) {
    const auto loss = loss_of(set);
    if (loss && (!best || *loss < *best)) best = loss;
  }
  const auto chosen = choose_victims(candidates, bytes, places, device);
  RC_ASSERT(chosen.has_value() == best.has_value());
  if (!chosen) return;
  std::size_t set = 0;
  for (const std::size_t i : *chosen) set |= std::size_t{1} << i;
  RC_ASSERT(loss_of(set) == best);
}

// A use is forgotten with time; uses of an interval count as if they were spread over it.
TEST(Rate, ForgetsWithTime) {
  Rate rate(10s);
  rate.add(at(0ms));
  EXPECT_NEAR(rate.per_second(at(0ms)), 0.1, 1e-9);
  EXPECT_NEAR(rate.per_second(at(10s)), 0.1 / 2.718281828, 1e-6);
  Rate steady(10s);
  for (int i = 1; i <= 100; ++i) steady.add_since(4, at(i * 2000ms));
  EXPECT_NEAR(steady.per_second(at(200s)), 2, 0.01);
  Rate none(0s);
  none.add(at(0ms));
  EXPECT_EQ(none.per_second(at(0ms)), 0);
}

}  // namespace
}  // namespace medsynth::models
