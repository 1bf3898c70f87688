// Words that name something, of a sentence's units. Internal to the reader of findings.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/findings/cues.h"
#include "medsynth/contradiction/findings/findings.h"

namespace medsynth::contradiction {

inline constexpr float kTellingWorth = .15F;  // worth from which a word can be what a finding is about

std::vector<Piece> units_of(std::string_view text, const std::vector<Token>& flow);

// Of units [begin, end), in order of concept, each once.
Terms terms_of(const std::vector<Piece>& units, std::string_view text, std::size_t begin, std::size_t end);
void arrange(Terms& terms);
float most_worth(const Terms& terms);

// "women", "patients": who, not what.
bool is_population_word(std::string_view word);

}  // namespace medsynth::contradiction
