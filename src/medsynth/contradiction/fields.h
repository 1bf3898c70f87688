// Fields and their values, as clinical notes and tables have them: "Fever: none", "Chest pain - denied",
// "Pregnant | no", "Rash (absent)", "Cough +". They are put in the order of a sentence ("no fever"), so that
// whatever reads sentences reads them. Pure, linear in the length of the sentence.
#pragma once

#include <vector>

#include "medsynth/contradiction/text.h"

namespace medsynth::contradiction {

// The sentence with a "no" before each field whose value denies it, an "unclear" before one whose value
// leaves it open, and without values that affirm. The words put in have the span of the value.
std::vector<Token> order_fields(std::vector<Token> sentence);

}  // namespace medsynth::contradiction
