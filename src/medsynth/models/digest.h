// The sha256 of model files. They are large (0.3 s for 100 MB), so a digest is kept beside its file, in
// FILE.sha256, with the size and time stamp it was taken at; where that cannot be written, it is kept in this
// process. Thread safe.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>

#include "medsynth/base/error.h"

namespace medsynth::models {

// Lowercase hex; taken anew when the file's size or time stamp changed. not_found: it cannot be read;
// cancelled.
Result<std::string> file_digest(const std::filesystem::path& file, std::stop_token stop = {});

// `wanted` empty: nothing to check. invalid_argument, reason "wrong_digest".
Result<> check_digest(std::string_view name, std::string_view digest, std::string_view wanted);

}  // namespace medsynth::models
