// Where calibrations lie: calibration.json in the models folder, and FILE.calibration.json beside a model
// file for weights that rest on that model's answers. Thread safe: files are read anew each time, and
// replaced as a whole.
#pragma once

#include <filesystem>
#include <optional>

#include "medsynth/contradiction/calibrate.h"

namespace medsynth::worker {

// `model_file` empty: the one of the folder.
std::filesystem::path calibration_file(const std::filesystem::path& folder,
                                       const std::filesystem::path& model_file);

// The model's own when there is one that fits, else the folder's when it fits, else nothing: the built-in
// weights answer. invalid_argument names a damaged file.
Result<std::optional<contradiction::Calibration>> find_calibration(
    const std::filesystem::path& folder, const std::filesystem::path& model_file,
    const contradiction::LanguageModel& answering);

// Complete or not at all. unavailable: it cannot be written.
Result<> write_calibration(const std::filesystem::path& file, const contradiction::Calibration& calibration);

}  // namespace medsynth::worker
