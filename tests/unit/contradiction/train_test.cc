#include "medsynth/contradiction/train.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace medsynth::contradiction {
namespace {

// Pairs whose label follows from `opposed` but for some noise, and from nothing else.
std::vector<Row> rows(int count) {
  std::mt19937 random(7);  // its sequence is fixed by the standard
  std::vector<Row> out;
  for (int i = 0; i < count; ++i) {
    Features features;
    features.opposed = (random() % 1000) / 1000.0;
    features.shared = (random() % 1000) / 1000.0;
    const double noise = (random() % 1000) / 2500.0 - .2;
    out.push_back({values_of(features), features.opposed + noise > .6});
  }
  return out;
}

// What decides gets the weight, what does not decide nearly none, and what never varies none at all.
TEST(Train, FindsWhatDecides) {
  const auto trained = train(rows(400));
  ASSERT_TRUE(trained);
  const auto& weights = trained->combination.weights;
  EXPECT_GT(weights.at("opposed"), 5);
  EXPECT_LT(std::abs(weights.at("shared")), 2);
  EXPECT_EQ(weights.count("temporal"), 0U);
  EXPECT_GT(trained->validated.accuracy, .85);
  EXPECT_GT(trained->validated.auroc, .9);
  EXPECT_LT(trained->validated.ece, .1);
  EXPECT_EQ(trained->combination.trained_on.pairs, 400);
}

// What was trained is read back and says the same.
TEST(Train, WeightsSurviveTheirFile) {
  const auto trained = train(rows(100));
  ASSERT_TRUE(trained);
  const auto read = read_combination(described::write(trained->combination));
  ASSERT_TRUE(read) << read.error().message;
  Features features;
  features.opposed = .7;
  EXPECT_EQ(probability(*read, features), probability(trained->combination, features));
}

// The same rows give the same bits.
TEST(Train, IsDeterministic) {
  EXPECT_EQ(described::write(train(rows(200))->combination), described::write(train(rows(200))->combination));
}

// Rows that a line separates do not drive the weights to infinity.
TEST(Train, SeparableRowsStayFinite) {
  std::vector<Row> separable;
  for (int i = 0; i < 40; ++i) {
    Features features;
    features.opposed = i % 2;
    separable.push_back({values_of(features), i % 2 == 1});
  }
  const auto trained = train(separable);
  ASSERT_TRUE(trained);
  EXPECT_LT(trained->combination.weights.at("opposed"), 50);
  EXPECT_EQ(trained->validated.accuracy, 1);
}

// Too few rows of a label, rows of the wrong width and numbers that are none are refused, with the row.
TEST(Train, RefusesWhatCannotBeFitted) {
  EXPECT_FALSE(train({}));
  auto all = rows(100);
  for (Row& row : all) row.contradiction = false;
  EXPECT_FALSE(train(all));
  all = rows(100);
  all[7].values.pop_back();
  EXPECT_EQ(train(all).error().faults.at(0).pointer, "/7");
  all = rows(100);
  all[8].values[0] = NAN;
  EXPECT_EQ(train(all).error().faults.at(0).pointer, "/8");
}

// The measures of four predictions, counted by hand.
TEST(Train, MeasuresPredictions) {
  const double probabilities[] = {.9, .2, .6, .4};
  const bool truth[] = {true, false, false, true};
  const Validated validated = validate(probabilities, truth);
  EXPECT_DOUBLE_EQ(validated.accuracy, .5);
  EXPECT_DOUBLE_EQ(validated.auroc, .75);
  EXPECT_NEAR(validated.log_loss, -(std::log(.9) + std::log(.8) + std::log(.4) + std::log(.4)) / 4, 1e-12);
  EXPECT_NEAR(validated.ece, (.1 + .2 + .6 + .6) / 4, 1e-12);
}

// A weights file with a wrong name, number or band says which.
TEST(Combination, RefusesAWrongFile) {
  EXPECT_EQ(read_combination(R"({"intercept":0,"weights":{"oposed":1}})").error().faults.at(0).pointer,
            "/weights/oposed");
  EXPECT_FALSE(read_combination(R"({"weights":{}})"));
  EXPECT_FALSE(read_combination(R"({"intercept":0,"weights":{},"uncertain":{"from":0.6,"to":0.4}})"));
  EXPECT_TRUE(read_combination(R"({"intercept":0,"weights":{}})"));
}

}  // namespace
}  // namespace medsynth::contradiction
