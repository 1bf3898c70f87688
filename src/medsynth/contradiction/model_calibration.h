// How much the answer of a model that judges counts: measured on pairs of our own that the built-in weights were not
// fitted to (data/model_pairs.jsonl), by the kind of pair, since a small model helps on one kind and not on
// another. Pure but for the judge that is handed in.
//
//   BOOST_OUTCOME_TRY(const auto measured, calibrate_model(judge, {}));   // asks some hundred pairs
//   with_model(built_in_combination(), measured);                         // weights in which it counts
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/contradiction/calibrate.h"

namespace medsynth::contradiction {

// A stored format: members may be added, those that are here keep their meaning.
struct ModelCalibration {
  CalibratedModel model;
  ModelTrainedOn trained_on;
  std::vector<ModelSkill> skills;  // one for each kind

  ModelSkill of(PairKind kind) const;
};
BOOST_DESCRIBE_STRUCT(ModelCalibration, (), (model, trained_on, skills))

// invalid_argument: not such a file.
Result<ModelCalibration> read_model_calibration(std::string_view json);

// The built-in pairs, a file of Format::jsonl.
std::string_view model_pairs();

// The judge must judge with probing_combination() and one model: a language model or an entailment model. `progress` (may be empty) takes 0..1.
// Errors: the judge's; invalid_argument ("model_does_not_answer") when the model answers hardly any pair with
// one of the three answers.
Result<ModelCalibration> calibrate_model(const Judge& judge, const std::function<void(double)>& progress);

// The same weights, with the model's answers counting as they were shown to help.
Combination with_model(Combination base, const ModelCalibration& calibration);

}  // namespace medsynth::contradiction

namespace medsynth::described {
template <>
struct Rules<contradiction::ModelCalibration> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};
}  // namespace medsynth::described
