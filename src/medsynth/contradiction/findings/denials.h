// Where a claim that was given denies something: words, figures ("P = 0.64"), and what is said to be the same.
// Says nothing of what is denied; the reader of findings does. Pure, thread safe.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/findings/findings.h"

namespace medsynth::contradiction {

// Sets `denies` of a claim's findings by one of its sentences. A denial belongs to the findings of its clause;
// to all of the sentence where the clause has none ("..., but this was not significant"), and to all of the
// claim where the sentence has none.
void find_denials(std::string_view text, const Span& sentence, std::vector<Finding>& findings);

}  // namespace medsynth::contradiction
