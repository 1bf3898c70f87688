// The terminal that stdout is.
#pragma once

#include <cstddef>

namespace medsynth::cli {

// Its columns, or COLUMNS of the environment; 0 where nobody reads lines of a width.
std::size_t screen_width();

}  // namespace medsynth::cli
