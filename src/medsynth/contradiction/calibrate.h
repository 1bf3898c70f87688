// Fits the combination to an operator's own labelled pairs, and what is kept of that in a file. Pure but for
// the judge that is handed in.
//
//   BOOST_OUTCOME_TRY(const auto calibration, calibrate(pairs, judge, sha256, {}));
//   described::write(calibration);    // and later: read_calibration(text)
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/evaluate.h"
#include "medsynth/contradiction/train.h"

namespace medsynth::contradiction {

// A model whose answers are in the weights: they are worth something for this very file only.
struct CalibratedModel {
  std::string method;  // language_model | entailment | embedding_similarity
  std::string id;
  std::string digest;           // sha256 of the model file
  std::string prompt_template;  // how it is asked: wording_of() a language or an entailment model
  bool operator==(const CalibratedModel&) const = default;
};
BOOST_DESCRIBE_STRUCT(CalibratedModel, (), (method, id, digest, prompt_template))

// The file of a calibration. A stored format: members may be added, those that are here keep their meaning.
struct Calibration {
  Combination combination;
  std::vector<CalibratedModel> models;  // empty: only the analysis of the text was asked
  double penalty = 0;
  Validated validated;  // cross-validated, on pairs that the weights had not seen
};
BOOST_DESCRIBE_STRUCT(Calibration, (), (combination, models, penalty, validated))

// invalid_argument: as of read_combination(), or not such a file.
Result<Calibration> read_calibration(std::string_view json);

// True when the models that it rests on are the ones that answer.
bool fits(const Calibration& calibration, const LanguageModel& answering);

// Of a pair that was judged. internal: the result has none.
Result<Features> features_of(const jobs::ContradictionResult& result);

// The built-in weights as the judge of calibrate() needs them: a language model's answers count among the
// features.
const Combination& probing_combination();

// The judge must judge with probing_combination(). `sha256` is that of the file of pairs. `progress` (may be
// empty) takes 0..1. Errors: the judge's; invalid_argument when there are too few pairs of a label.
Result<Calibration> calibrate(std::span<const LabelledPair> pairs, const Judge& judge, std::string sha256,
                              const std::function<void(double)>& progress);

}  // namespace medsynth::contradiction

namespace medsynth::described {
template <>
struct Rules<contradiction::Calibration> {
  static constexpr bool open = true;
  static constexpr std::array fields{Field{.name = "models", .optional = true},
                                     Field{.name = "penalty", .optional = true},
                                     Field{.name = "validated", .optional = true}};
};
}  // namespace medsynth::described
