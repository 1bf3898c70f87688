// The combination of the methods: a logistic function of the features, whose weights are data. Pure.
//
// The built-in weights are data/weights.json, trained by us on our own pairs; an operator's come from
// `medsynth calibrate`. As JSON:
//   {"intercept": -2.1, "weights": {"opposed": 5.2, ...}, "uncertain": {"from": 0.4, "to": 0.6},
//    "trained_on": {"pairs": 900, "sha256": "..."}}
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/features.h"

namespace medsynth::contradiction {

// Probabilities strictly between are `uncertain`: 0 <= from <= to <= 1.
struct Band {
  double from = .4;
  double to = .6;
};
BOOST_DESCRIBE_STRUCT(Band, (), (from, to))

// What the weight of a model's answers comes from.
struct ModelTrainedOn {
  std::int64_t pairs = 0;
  std::string sha256;  // of the pairs
  bool own = false;    // the operator's pairs, not the built-in ones
};
BOOST_DESCRIBE_STRUCT(ModelTrainedOn, (), (pairs, sha256, own))

// Findings of about the same length, or a short claim and the longer text that is held against it.
enum class PairKind { findings, claim_and_evidence };
BOOST_DESCRIBE_ENUM(PairKind, findings, claim_and_evidence)

// On pairs of one kind. `weight` 0: its answers were not shown to help, and do not count there.
struct ModelSkill {
  PairKind kind = PairKind::findings;
  std::int64_t pairs = 0;
  double auroc = 0;           // of the model alone
  double auroc_without = 0;   // of the analysis of the text
  double auroc_together = 0;  // of both, cross-validated
  double weight = 0;          // of the log odds of its answer
  double centre = 0;          // its log odds on the average pair, which move nothing
};
BOOST_DESCRIBE_STRUCT(ModelSkill, (), (kind, pairs, auroc, auroc_without, auroc_together, weight, centre))

// What the weights come from, for whoever reads a result.
struct TrainedOn {
  std::int64_t pairs = 0;
  std::string sha256;                            // of the file of pairs
  std::optional<ModelTrainedOn> language_model;  // nullopt: its answers have no weight
  std::optional<ModelTrainedOn> entailment = std::nullopt;
};
BOOST_DESCRIBE_STRUCT(TrainedOn, (), (pairs, sha256, language_model, entailment))

struct Combination {
  double intercept = 0;
  std::map<std::string, double> weights;  // by feature; a feature without one counts 0
  Band uncertain;
  TrainedOn trained_on;
};
BOOST_DESCRIBE_STRUCT(Combination, (), (intercept, weights, uncertain, trained_on))

// From a weights file. invalid_argument: no such feature (with the names that exist), a number that is not
// finite, a band that is none.
Result<Combination> read_combination(std::string_view json);

const Combination& built_in_combination();

// Of a contradiction, 0..1, both excluded. Features are summed in their order: the same bits everywhere the
// same arithmetic is.
double probability(const Combination& combination, const Features& features);

}  // namespace medsynth::contradiction

namespace medsynth::described {
template <>
struct Rules<contradiction::Band> {
  static constexpr std::array fields{Field{.name = "from", .minimum = 0, .maximum = 1},
                                     Field{.name = "to", .minimum = 0, .maximum = 1}};
};
template <>
struct Rules<contradiction::Combination> {
  static constexpr std::array fields{Field{.name = "uncertain", .optional = true},
                                     Field{.name = "trained_on", .optional = true}};
};
}  // namespace medsynth::described
