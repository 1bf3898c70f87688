// A time as an option says it.
#pragma once

#include <string>

#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"

namespace medsynth::cli {

// "90s", "15m", "2h", "7d": so long ago; else RFC 3339. invalid_argument names the option.
Result<WallTime> time_of(const std::string& text, const std::string& option);

}  // namespace medsynth::cli
