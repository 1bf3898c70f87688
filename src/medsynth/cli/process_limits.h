// What this process may take of the system: a shell's limit of descriptors is made for programs that use
// select(), which we do not.
#pragma once

#include <cstddef>

#include "medsynth/base/error.h"

namespace medsynth::cli {

// Descriptors that serve and a worker hold beside connections: its Redis, logs, sensors, locks, models.
inline constexpr std::size_t kOwnDescriptors = 64;

// Raises the limit of open descriptors to the most that is allowed. exhausted, with what to do, when that is
// less than `needed`.
Result<> allow_descriptors(std::size_t needed);
// How many may be open now.
std::size_t descriptors_allowed();

}  // namespace medsynth::cli
