// Where calibrations lie: calibration.json in the models folder, and FILE.calibration.json beside a model
// file for weights that rest on that model's answers, both fitted to the operator's pairs; and in the folder
// `calibrations`, by digest and wording, what a model knows of the built-in pairs. Thread safe: files are read
// anew each time, and replaced as a whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "medsynth/contradiction/model_calibration.h"

namespace medsynth::actors {

// `model_file` empty: the one of the folder.
std::filesystem::path calibration_file(const std::filesystem::path& folder,
                                       const std::filesystem::path& model_file);

// Of the model with that digest, as it is asked now. `kind` (here and below): language or entailment.
std::filesystem::path model_calibration_file(const std::filesystem::path& folder, std::string_view digest,
                                             std::string_view kind = "language");

// The model's own when there is one that fits. Else the folder's when it fits, or the built-in weights, with
// the weight that the model's answers earned on the built-in pairs. Nothing: the built-in weights answer,
// without a model. invalid_argument names a damaged file.
Result<std::optional<contradiction::Calibration>> find_calibration(
    const std::filesystem::path& folder, const std::filesystem::path& model_file,
    const contradiction::LanguageModel& answering);

// What the built-in pairs say of the model with that digest; nullopt: it was not calibrated.
Result<std::optional<contradiction::ModelCalibration>> find_model_calibration(
    const std::filesystem::path& folder, std::string_view digest, std::string_view kind = "language");

// Whose pairs say how much the answers of a model count: "own", "built_in", "none", or "damaged" where a file
// cannot be read. `digest` is that of the model's file.
std::string_view calibration_of(const std::filesystem::path& folder, const std::filesystem::path& model_file,
                                std::string_view digest, std::string_view kind = "language");

// Complete or not at all. unavailable: it cannot be written.
Result<> write_calibration(const std::filesystem::path& file, const contradiction::Calibration& calibration);
Result<> write_calibration(const std::filesystem::path& file,
                           const contradiction::ModelCalibration& calibration);

}  // namespace medsynth::actors
