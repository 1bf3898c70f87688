#include "medsynth/inference/scoring.h"

#include <algorithm>
#include <cmath>

namespace medsynth::inference {

double log_sum_exp(std::span<const float> logits) {
  if (logits.empty()) return 0;
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

void normalize(std::span<float> vector) {
  double squares = 0;
  for (const float each : vector) squares += static_cast<double>(each) * each;
  if (squares <= 0) return;
  const double scale = 1 / std::sqrt(squares);
  for (float& each : vector) each = static_cast<float>(each * scale);
}

std::size_t count_that_fit(std::span<const std::size_t> sizes, std::size_t room, std::size_t places) {
  std::size_t count = 0, used = 0;
  while (count < sizes.size() && count < places && (count == 0 || used + sizes[count] <= room))
    used += sizes[count++];
  return count;
}

}  // namespace medsynth::inference
