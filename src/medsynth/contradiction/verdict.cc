#include "medsynth/contradiction/verdict.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace medsynth::contradiction {
namespace {

// Findings of two decades are better explained by what was learnt between them than by one of them being
// wrong.
constexpr double kYearsApart = 10;

std::optional<double> number(const json::object& metadata, std::string_view name) {
  const json::value* value = metadata.if_contains(name);
  if (!value || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

}  // namespace

jobs::Verdict verdict_of(double score) {
  if (score >= kContradiction) return jobs::Verdict::contradiction;
  return score <= kNoContradiction ? jobs::Verdict::no_contradiction : jobs::Verdict::uncertain;
}

double with_metadata(double score, double certainty_left) {
  return score <= .5 ? score : .5 + (score - .5) * certainty_left;
}

double moved(double score, double probability) {
  constexpr double kReach = .05, kMargin = .01;
  if (verdict_of(score) != jobs::Verdict::uncertain) return score;
  return std::clamp(score + kReach * (2 * probability - 1), kNoContradiction + kMargin,
                    kContradiction - kMargin);
}

jobs::Confidence confidence_of(const Polarity& polarity, const Claim& claim1, const Claim& claim2) {
  using Finding = Polarity::Finding;
  if (polarity.finding == Finding::identical) return jobs::Confidence::high;
  if (!claim1.english || !claim2.english || verdict_of(polarity.score) == jobs::Verdict::uncertain)
    return jobs::Confidence::low;
  const bool hedged =
      (polarity.effect1 && polarity.effect1->hedged) || (polarity.effect2 && polarity.effect2->hedged);
  switch (polarity.finding) {
    case Finding::opposed:
      if (polarity.score >= .85 && !hedged) return jobs::Confidence::high;
      return polarity.score >= .7 ? jobs::Confidence::medium : jobs::Confidence::low;
    case Finding::agrees:
      return polarity.topic >= .8 && polarity.effect1 && !hedged ? jobs::Confidence::high
                                                                 : jobs::Confidence::medium;
    case Finding::unrelated:
      return polarity.topic < .2 ? jobs::Confidence::high : jobs::Confidence::medium;
    default:
      return jobs::Confidence::low;
  }
}

jobs::ContradictionType type_of(const Polarity& polarity, const Claim& claim1, const Claim& claim2,
                                const json::object& metadata1, const json::object& metadata2) {
  const auto says = [](const Effect* effect) { return effect && effect->negated && effect->statistical; };
  if (says(polarity.effect1) != says(polarity.effect2)) return jobs::ContradictionType::statistical;
  const auto p1 = number(metadata1, "p_value"), p2 = number(metadata2, "p_value");
  if (p1 && p2 && (*p1 < .05) != (*p2 < .05)) return jobs::ContradictionType::statistical;
  const auto year1 = number(metadata1, "year"), year2 = number(metadata2, "year");
  const bool apart = year1 && year2 && std::abs(*year1 - *year2) >= kYearsApart;
  if (apart || claim1.historical != claim2.historical) return jobs::ContradictionType::temporal;
  return jobs::ContradictionType::direct;
}

}  // namespace medsynth::contradiction
