// What a claim that was given says a thing is: "A is safe and effective", "A was poorly tolerated in B". The
// outcome is the property (safety, efficacy, tolerability), so that only claims about the same one meet. Pure,
// thread safe.
#pragma once

#include <string_view>
#include <vector>

#include "medsynth/contradiction/findings/findings.h"

namespace medsynth::contradiction {

// Empty where the sentence says nothing of the kind.
std::vector<Finding> read_properties(std::string_view claim, const Span& sentence,
                                     const Abbreviations& abbreviations);

}  // namespace medsynth::contradiction
