// Arithmetic on what a model gives back. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace medsynth::inference {

// Natural logarithm of the sum of exp(logits), in double precision; the logarithm of one token's probability
// is its logit minus this.
double log_sum_exp(std::span<const float> logits);

// `vector` at length one; all zeros stay.
void normalize(std::span<float> vector);

// How many of the first `sizes` fit together: their sum is at most `room` and their number at most `places`;
// at least one.
std::size_t count_that_fit(std::span<const std::size_t> sizes, std::size_t room, std::size_t places);

}  // namespace medsynth::inference
