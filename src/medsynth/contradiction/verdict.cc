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

jobs::Verdict verdict_of(double score, const Band& uncertain) {
  if (score >= uncertain.to) return jobs::Verdict::contradiction;
  return score <= uncertain.from ? jobs::Verdict::no_contradiction : jobs::Verdict::uncertain;
}

double with_metadata(double score, double certainty_left, const Band& uncertain) {
  return score <= uncertain.from ? score : uncertain.from + (score - uncertain.from) * certainty_left;
}

double moved(double score, double probability, const Band& uncertain) {
  constexpr double kReach = .05, kMargin = .01;
  if (verdict_of(score, uncertain) != jobs::Verdict::uncertain) return score;
  const double from = std::min(score, uncertain.from + kMargin), to = std::max(score, uncertain.to - kMargin);
  return std::clamp(score + kReach * (2 * probability - 1), from, to);
}

jobs::Confidence confidence_of(const Judgement& judgement, double score, const Band& uncertain,
                               const Claim& claim1, const Claim& claim2) {
  constexpr double kSure = .9, kLikely = .75;
  if (judgement.polarity.finding == Polarity::Finding::identical) return jobs::Confidence::high;
  if (!claim1.language.empty() || !claim2.language.empty() ||
      verdict_of(score, uncertain) == jobs::Verdict::uncertain)
    return jobs::Confidence::low;
  const double side = std::max(score, 1 - score);
  if (side >= kSure && judgement.features.hedged == 0) return jobs::Confidence::high;
  return side >= kLikely ? jobs::Confidence::medium : jobs::Confidence::low;
}

jobs::ContradictionType type_of(const Judgement& judgement, const Claim& claim1, const Claim& claim2,
                                const json::object& metadata1, const json::object& metadata2) {
  const Polarity& polarity = judgement.polarity;
  const bool by_words = polarity.finding == Polarity::Finding::opposed ||
                        judgement.features.denied + judgement.features.antonyms > 0;
  const auto says = [](const Effect* effect) { return effect && effect->negated && effect->statistical; };
  if (says(polarity.effect1) != says(polarity.effect2)) return jobs::ContradictionType::statistical;
  const auto p1 = number(metadata1, "p_value"), p2 = number(metadata2, "p_value");
  if (p1 && p2 && (*p1 < .05) != (*p2 < .05)) return jobs::ContradictionType::statistical;
  const auto year1 = number(metadata1, "year"), year2 = number(metadata2, "year");
  const bool years_apart = year1 && year2 && std::abs(*year1 - *year2) >= kYearsApart;
  if (years_apart || claim1.historical != claim2.historical) return jobs::ContradictionType::temporal;
  if (!by_words && judgement.statistical.score > .5) return jobs::ContradictionType::statistical;
  if (!by_words && judgement.temporal.score > .5) return jobs::ContradictionType::temporal;
  return jobs::ContradictionType::direct;
}

}  // namespace medsynth::contradiction
