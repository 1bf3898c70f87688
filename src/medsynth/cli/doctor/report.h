// The checks as people read them. Pure but for colours (output.h).
#pragma once

#include <cstddef>
#include <string>

#include "medsynth/cli/doctor/check.h"
#include "medsynth/cli/output.h"

namespace medsynth::cli::doctor {

// A line for each check, below it why and what next where it is not ok, and a count at the end. Lines are
// broken at `columns`; 0: nowhere.
Text report(const Checks& checks, std::size_t columns);
bool any_failed(const Checks& checks);

}  // namespace medsynth::cli::doctor
