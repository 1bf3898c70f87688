// Files that a command writes.
#pragma once

#include <string>
#include <string_view>

#include "medsynth/base/error.h"

namespace medsynth::cli {

// What can be known before the work: the folder is there and may be written to. invalid_argument at `flag`.
Result<> check_output_file(std::string_view flag, const std::string& path);

// The whole of `bytes`, or the file stays as it was. Devices and pipes are written to as they are.
// unavailable: what went wrong, with the path.
Result<> write_output_file(const std::string& path, std::string_view bytes);

}  // namespace medsynth::cli
