// Judges pairs in this process: no server, no queue, no Redis. For measuring and calibrating.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "medsynth/base/settings.h"
#include "medsynth/contradiction/calibrate.h"

namespace medsynth::cli {

struct JudgeOptions {
  std::vector<std::string> methods;  // as named on the command line; empty: those that need no model
  std::string model;                 // of the catalogue; empty: the default language model
  std::string entailment_model;      // likewise; empty: the default entailment model
};

class LocalJudge {
 public:
  // Loads the models that the methods need. invalid_argument: no such method; the catalogue's and the
  // engine's errors.
  static Result<LocalJudge> open(const Settings& settings, const JudgeOptions& options);

  // With the operator's weights where there are some that fit, else with the built-in ones.
  Result<jobs::ContradictionResult> operator()(const jobs::DetectContradiction& pair) const;
  Result<jobs::ContradictionResult> with(const contradiction::Combination& combination,
                                         const jobs::DetectContradiction& pair) const;

  // The operator's weights; nullptr: the built-in ones answer.
  const contradiction::Calibration* calibration() const { return calibration_ ? &*calibration_ : nullptr; }
  // Where weights that rest on these models are kept.
  std::filesystem::path calibration_file(const contradiction::Calibration& calibration) const;

  // Whether a method was asked for by name, or none was.
  bool shows(const std::string& method) const;
  std::vector<inference::ModelInfo> models() const;

 private:
  contradiction::LanguageModel asked() const;
  // The model file that weights of one's own lie beside: the language model's where both were asked.
  const std::filesystem::path& own_file() const;

  std::vector<std::string> methods_;
  std::filesystem::path folder_, language_file_, entailment_file_;
  std::shared_ptr<inference::Model> language_model_, sentence_model_, entailment_model_;
  bool demo_ = false;
  std::optional<contradiction::Calibration> calibration_;
};

}  // namespace medsynth::cli
