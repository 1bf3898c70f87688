#include "medsynth/contradiction/temporal.h"

#include <algorithm>
#include <vector>

namespace medsynth::contradiction {
namespace {

constexpr double kSameThing = .5;

std::vector<const Quantity*> of_kind(const Claim& claim, Kind kind) {
  std::vector<const Quantity*> found;
  for (const Quantity& each : claim.numbers.quantities)
    if (each.kind == kind) found.push_back(&each);
  return found;
}

bool meet(const Quantity& a, const Quantity& b, double tolerance) {
  return a.low <= b.high + tolerance && b.low <= a.high + tolerance;
}

// One date or duration on each side, and they exclude each other.
Comparison compare_one(const Sides& sides, Kind kind) {
  const auto first = of_kind(sides.claim1, kind), second = of_kind(sides.claim2, kind);
  if (first.size() != 1 || second.size() != 1) return {};
  const Quantity &a = *first[0], &b = *second[0];
  const double tolerance = kind == Kind::year ? 0 : .25 * std::min(a.high, b.high);
  const bool same = meet(a, b, tolerance);
  if (kind == Kind::year)
    return {same ? .4 : .75, same ? "The dates agree" : "The dates differ", {{"date", a.span, b.span}}};
  return {
      same ? .4 : .7, same ? "The durations agree" : "The durations differ", {{"duration", a.span, b.span}}};
}

}  // namespace

Comparison compare_times(const Sides& sides, double about) {
  if (about < kSameThing) return {};
  if (sides.claim1.historical != sides.claim2.historical && about > .6)
    return {.6, "One claim speaks of what was held before, the other one does not", {}};
  Comparison dates = compare_one(sides, Kind::year);
  if (dates.score > .5) return dates;
  Comparison durations = compare_one(sides, Kind::months);
  return durations.what.empty() ? dates : durations;
}

}  // namespace medsynth::contradiction
