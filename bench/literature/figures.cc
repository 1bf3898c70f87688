#include "figures.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace medsynth::bench {

std::string interval(std::size_t hits, std::size_t count) {
  if (count == 0) return "–";
  const double n = static_cast<double>(count), p = static_cast<double>(hits) / n, z = 1.96;
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
  return fmt::format("{}/{} = {:.2f} ({:.2f}–{:.2f})", hits, count, p, middle - half, middle + half);
}

std::string auroc(const std::vector<std::pair<double, bool>>& scored) {
  double wins = 0, yes = 0, no = 0;
  for (const auto& [score, truth] : scored) (truth ? yes : no) += 1;
  if (yes == 0 || no == 0) return "–";
  for (const auto& [score, truth] : scored)
    for (const auto& [other, is] : scored)
      if (truth && !is) wins += score > other ? 1 : score == other ? .5 : 0;
  const double area = wins / (yes * no), q1 = area / (2 - area), q2 = 2 * area * area / (1 + area);
  const double error = std::sqrt(
      (area * (1 - area) + (yes - 1) * (q1 - area * area) + (no - 1) * (q2 - area * area)) / (yes * no));
  return fmt::format("{:.2f} ({:.2f}–{:.2f})", area, std::max(0., area - 1.96 * error),
                     std::min(1., area + 1.96 * error));
}

double average_precision(std::vector<std::pair<double, bool>> scored) {
  std::sort(scored.begin(), scored.end(), [](const auto& x, const auto& y) { return x.first > y.first; });
  double sum = 0, hits = 0;
  for (std::size_t i = 0; i < scored.size(); ++i)
    if (scored[i].second) sum += ++hits / static_cast<double>(i + 1);
  return hits > 0 ? sum / hits : 0;
}

}  // namespace medsynth::bench
