// The file of labelled pairs: one JSON object a line, as `medsynth calibrate` reads it. It outlives the tasks
// that it speaks of, and people may edit it.
#pragma once

#include <cstddef>
#include <filesystem>

#include "medsynth/api/reference_payloads.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

std::filesystem::path label_file(const std::filesystem::path& data_dir);

// Adds `label`, in place of one with its id; how many there are then. Safe among processes: the file is
// locked, and replaced as a whole. unavailable: it cannot be written, with its path.
Result<std::size_t> keep_label(const std::filesystem::path& file, const KeptLabel& label);

}  // namespace medsynth::api
