#include "medsynth/api/forecast.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

// One holder whose like always ran for 10 s, 4 s of which are over: the next one starts in 6 s, give or take the
// age of the reports, and each one behind it 10 s later.
TEST(Forecast, OfTasksThatAlwaysTakeTheSame) {
  const Forecast forecast({{.elapsed = 4, .run_times = {10, 10, 10}}}, {10, 10, 10});
  const auto next = forecast.at(1);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->low, 5);
  EXPECT_EQ(next->high, 7);
  EXPECT_EQ(forecast.at(3)->low, 25);
  EXPECT_EQ(forecast.at(3)->high, 27);
}

// Two at a time: half as long.
TEST(Forecast, SeveralHoldersLetMoreIn) {
  const std::vector<double> times{10, 10, 10};
  const Forecast forecast({{.elapsed = 0, .run_times = times}, {.elapsed = 5, .run_times = times}}, times);
  EXPECT_EQ(forecast.at(1)->low, 4);  // the one that began first ends first
  EXPECT_EQ(forecast.at(2)->low, 9);
  EXPECT_EQ(forecast.at(4)->low, 19);
}

// Far behind in line each place adds the mean; the doubt about that grows with the place.
TEST(Forecast, FarBehindInLineTheMeanCounts) {
  const std::vector<double> times{1, 2, 3, 2, 1, 2, 3, 2};
  const Forecast forecast({{.elapsed = 0, .run_times = times}}, times);
  const auto far = forecast.at(1001);
  ASSERT_TRUE(far);
  EXPECT_LT(far->low, 2000);
  EXPECT_GT(far->high, 2000);
  EXPECT_GT(far->low, 1000);
  EXPECT_LT(far->high, 3000);
}

// A run that has outlasted all before it still ends some time: there is an interval, and it is wide.
TEST(Forecast, OfARunLongerThanAllBefore) {
  const auto next = Forecast({{.elapsed = 100, .run_times = {10, 11, 12}}}, {10, 11, 12}).at(1);
  ASSERT_TRUE(next);
  EXPECT_LT(next->low, 20);
  EXPECT_GT(next->high, 80);
}

// Rather nothing than a guess.
TEST(Forecast, SaysNothingWhereNothingIsKnown) {
  EXPECT_FALSE(Forecast({}, {1, 2, 3}).at(1));
  EXPECT_FALSE(Forecast({{.elapsed = 1, .run_times = {1, 2}}}, {1, 2}).at(1));
  EXPECT_FALSE(Forecast({{.elapsed = 1, .run_times = {1, 2, 3}}}, {1, 2, 3}).at(0));
}

}  // namespace
}  // namespace medsynth::api
