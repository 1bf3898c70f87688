// What a vital sign or laboratory value means in words: "BP 82/40" says hypotension, "temp 39.4" fever. Usual
// adult limits, wide enough that a value between them says nothing. Pure.
#pragma once

#include <vector>

#include "medsynth/contradiction/claim.h"

namespace medsynth::contradiction {

// Adds to `words` the conditions that the readings of one sentence assert or deny.
void add_readings(const std::vector<Token>& tokens, Words& words);

}  // namespace medsynth::contradiction
