#include "medsynth/inference/scoring.h"

#include <array>
#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace medsynth::inference {
namespace {

// Logits far from zero: no overflow, and the right sum.
TEST(LogSumExp, IsStable) {
  EXPECT_NEAR(log_sum_exp(std::array{0.F, 0.F}), std::log(2.0), 1e-12);
  EXPECT_NEAR(log_sum_exp(std::array{1000.F, 1000.F}), 1000 + std::log(2.0), 1e-9);
  EXPECT_NEAR(log_sum_exp(std::array{-1000.F, -1000.F}), -1000 + std::log(2.0), 1e-9);
}

// Any logits: the probabilities they stand for sum to one.
RC_GTEST_PROP(LogSumExpProperty, ProbabilitiesSumToOne, ()) {
  const auto whole = *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(-3000, 3000)));
  std::vector<float> logits;
  for (const int each : whole) logits.push_back(static_cast<float>(each) / 100.F);
  const double sum = log_sum_exp(logits);
  double total = 0;
  for (const float logit : logits) total += std::exp(logit - sum);
  RC_ASSERT(std::abs(total - 1) < 1e-9);
}

// A vector gets the length one; zeros stay zeros.
TEST(Normalize, GivesLengthOne) {
  std::array vector{3.F, 4.F};
  normalize(vector);
  EXPECT_FLOAT_EQ(vector[0], 0.6F);
  EXPECT_FLOAT_EQ(vector[1], 0.8F);
  std::array zeros{0.F, 0.F};
  normalize(zeros);
  EXPECT_EQ(zeros[0], 0.F);
}

// As many as fit, limited by room and by places; one that is too large goes alone.
TEST(CountThatFit, FillsTheRoom) {
  const std::array<std::size_t, 4> sizes{4, 4, 4, 4};
  EXPECT_EQ(count_that_fit(sizes, 8, 10), 2U);
  EXPECT_EQ(count_that_fit(sizes, 100, 3), 3U);
  EXPECT_EQ(count_that_fit(sizes, 100, 10), 4U);
  EXPECT_EQ(count_that_fit(sizes, 1, 10), 1U);
  EXPECT_EQ(count_that_fit({}, 1, 10), 0U);
}

}  // namespace
}  // namespace medsynth::inference
