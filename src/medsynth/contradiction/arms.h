// Two arms of a study with a number each, where no word says which is better: "eczema in 9% of infants on
// probiotics as opposed to 26% on placebo", "neutropenia, drug 2/50, control 9/48". Pure.
#pragma once

#include <optional>
#include <span>

#include "medsynth/contradiction/claim.h"

namespace medsynth::contradiction {

// The effect that the first two numbers of a kind in one sentence state: the first arm against the second.
// `words` and `numbers` are those of the sentence, in the order of the text, before they are arranged.
std::optional<Effect> compare_arms(const std::vector<Token>& tokens, std::span<const Word> words,
                                   std::span<const Quantity> numbers, std::span<const PValue> p_values);

}  // namespace medsynth::contradiction
