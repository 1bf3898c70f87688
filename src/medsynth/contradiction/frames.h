// What a sentence says of its own statement, where two denials meet: "there is no question that", "no one
// disputes", "it cannot be denied" assert; "does not allow us to exclude", "cannot be ruled out" leave open.
// And where a denial ends: "no chest pain and the patient has fever", "Although it did not ..., it ...".
// Pure, linear in the length of the sentence.
#pragma once

#include <string_view>
#include <vector>

#include "medsynth/contradiction/lexicon.h"

namespace medsynth::contradiction {

// Takes such frames out of `items`; of one that leaves a statement open, an item kLeftOpen with the role
// `unknown` stays.
void settle_frames(std::vector<Item>& items);
inline constexpr std::string_view kLeftOpen = "cannot exclude";

// Makes the comma or "and" between a denial and the next statement a boundary.
void part_clauses(std::vector<Item>& items);

}  // namespace medsynth::contradiction
