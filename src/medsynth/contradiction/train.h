// Fits the combination to labelled pairs: logistic regression with an L2 penalty whose strength is chosen by
// cross-validation. Pure and deterministic: the same rows in the same order give the same bits. Milliseconds
// for thousands of rows.
//
//   std::vector<Row> rows;
//   for (...) rows.push_back({values_of(features), label == Label::contradiction});
//   BOOST_OUTCOME_TRY(const Trained trained, train(rows));
//   json::write_pretty(described::to_value(trained.combination));
#pragma once

#include <span>
#include <vector>

#include "medsynth/contradiction/combination.h"

namespace medsynth::contradiction {

struct Row {
  std::vector<double> values;  // in the order of feature_names()
  bool contradiction = false;
};

struct TrainOptions {
  int folds = 5;  // 2..20; rows are dealt out by their position, each label by itself
  std::vector<double> penalties{.3, 1, 3, 10, 30};  // of the squared weights of standardised features, > 0
  Band uncertain;                                   // goes into the combination as it is
};

// Of predictions for rows that the fold's weights have not seen.
struct Validated {
  double accuracy = 0;  // at .5
  double log_loss = 0;  // natural logarithm, mean of the rows
  double auroc = 0;
  double ece = 0;  // expected calibration error, ten bins of equal width
};
BOOST_DESCRIBE_STRUCT(Validated, (), (accuracy, log_loss, auroc, ece))

struct Trained {
  Combination combination;  // fitted to all rows; `trained_on.sha256` is the caller's to fill in
  double penalty = 0;       // the one with the least log loss
  Validated validated;      // with that penalty
};

// invalid_argument: fewer than `folds` rows of either label, a row with the wrong number of values or one
// that is not finite, options outside their ranges.
Result<Trained> train(std::span<const Row> rows, const TrainOptions& options = {});

// The same measures of given probabilities; the two spans are of one size, not empty.
Validated validate(std::span<const double> probabilities, std::span<const bool> contradictions);

}  // namespace medsynth::contradiction
