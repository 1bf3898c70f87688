// Claims that were given as such, one finding or more each: read as findings where they say what does what,
// else by what they say a thing is (properties.h), else by their effects (claim.h), else as a statement about
// their words. Pure, thread safe.
#pragma once

#include <string_view>
#include <vector>

#include "medsynth/contradiction/findings/findings.h"

namespace medsynth::contradiction {

// Never empty for a text with words.
std::vector<Finding> read_statement(std::string_view claim, const Terms& topic);

}  // namespace medsynth::contradiction
