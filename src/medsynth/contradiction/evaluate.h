// How good are the verdicts on labelled pairs? Pure but for the judge that is handed in.
//
//   BOOST_OUTCOME_TRY(const auto pairs, read_pairs(text, Format::jsonl));
//   BOOST_OUTCOME_TRY(const Evaluation evaluation, evaluate(pairs, judge, {}));
//   evaluation.accuracy; evaluation.methods.at("polarity").auroc;
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/error.h"
#include "medsynth/contradiction/pairs_file.h"
#include "medsynth/jobs/jobs.h"

namespace medsynth::contradiction {

// What was said of one labelled pair. The score is taken as the probability of a contradiction.
struct Prediction {
  bool contradiction = false;  // the label
  double score = .5;
  double swapped = .5;  // the score with the claims the other way round
  jobs::Verdict verdict = jobs::Verdict::uncertain;
};

// Verdicts given to the pairs of one label.
struct Verdicts {
  std::int64_t contradiction = 0;
  std::int64_t no_contradiction = 0;
  std::int64_t uncertain = 0;
};
BOOST_DESCRIBE_STRUCT(Verdicts, (), (contradiction, no_contradiction, uncertain))

// Shares are 0..1; absent where nothing can be counted (no pair of one label, none above one half, ...).
// accuracy, precision, recall and macro_f1 answer every pair: a score above one half says contradiction.
// Who wants to abstain looks at `coverage` and `accuracy_covered`: pairs outside the uncertain band only.
struct Metrics {
  std::int64_t pairs = 0;
  std::int64_t contradictions = 0;  // by label
  double accuracy = 0;
  std::optional<double> precision;  // of "contradiction"
  std::optional<double> recall;
  double macro_f1 = 0;                     // mean of the F1 of both labels
  std::optional<double> auroc;             // ties count half
  double ece = 0;                          // expected calibration error, ten bins of equal width
  double swap_consistency = 0;             // pairs with exactly the same score both ways round
  double coverage = 0;                     // pairs outside the uncertain band
  std::optional<double> accuracy_covered;  // of the verdicts of those
  Verdicts labelled_contradiction, labelled_no_contradiction;
};
BOOST_DESCRIBE_STRUCT(Metrics, (),
                      (pairs, contradictions, accuracy, precision, recall, macro_f1, auroc, ece,
                       swap_consistency, coverage, accuracy_covered, labelled_contradiction,
                       labelled_no_contradiction))

// Of nothing: all zero and absent.
Metrics measure(std::span<const Prediction> predictions);

// A pair whose score is on the other side of one half than its label, or on it.
struct WrongPair {
  std::string id, category;
  Label label = Label::no_contradiction;
  double score = 0;
  jobs::Verdict verdict = jobs::Verdict::uncertain;
  std::string claim1, claim2;
  std::string explanation;
};
BOOST_DESCRIBE_STRUCT(WrongPair, (), (id, category, label, score, verdict, claim1, claim2, explanation))

// The figures of all methods together stand at the top.
struct Evaluation : Metrics {
  std::map<std::string, Metrics> methods;     // each method's own score
  std::map<std::string, Metrics> categories;  // all methods together; pairs without a category are in none
  std::optional<Metrics> built_in;            // together, with the built-in weights, when others answered
  std::vector<WrongPair> errors;              // those furthest off first; not among the described members
};
BOOST_DESCRIBE_STRUCT(Evaluation, (Metrics), (methods, categories, built_in))

using Judge = std::function<Result<jobs::ContradictionResult>(const jobs::DetectContradiction&)>;

// Asks the judge for each pair, both ways round. A method is measured when the result's details have a score
// of it; where one pair's have none, it counts as one half. embedding_similarity is not measured alone: it
// says whether two claims are about the same thing. `progress` (may be empty) takes 0..1. Errors are the
// judge's.
Result<Evaluation> evaluate(std::span<const LabelledPair> pairs, const Judge& judge,
                            const std::function<void(double)>& progress);

}  // namespace medsynth::contradiction
