#include "medsynth/contradiction/statistical.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "medsynth/base/text.h"
#include "medsynth/contradiction/topic.h"

namespace medsynth::contradiction {
namespace {

// How far two claims must be about the same thing before their numbers are compared: estimates name what they
// are of, other numbers belong to whatever the words say.
constexpr double kSameThing = .5, kSameWords = .6;

std::string quote(std::string_view text, Span span) {
  constexpr std::size_t kLongest = 60;  // bytes
  return printable(excerpt(text, span, kLongest));
}

// Where an estimate lies: -1 below none, 1 above, 0 not told apart from it.
int side_of(const Estimate& estimate) {
  if (estimate.significant() == false) return 0;
  if (estimate.value == estimate.none()) return 0;
  return estimate.value < estimate.none() ? -1 : 1;
}

// The estimate that is not told apart from none lies outside the other one's interval.
bool beyond(const Estimate& a, const Estimate& b) {
  const Estimate &sure = *a.significant() ? a : b, &other = *a.significant() ? b : a;
  return other.value < *sure.low || other.value > *sure.high;
}

Comparison compare_estimates(const Estimate& a, const Estimate& b) {
  Comparison out;
  out.evidence.push_back({"estimate", a.span, b.span});
  const auto say = [&](double score, std::string_view what) { out.score = score, out.what = what; };
  const bool intervals = a.low && b.low;
  const int first = side_of(a), second = side_of(b);
  if (first * second < 0)
    say(.95, "The estimates lie on opposite sides of no effect");
  else if (intervals && (*a.high < *b.low || *b.high < *a.low))
    say(.85, "The confidence intervals exclude each other");
  else if (intervals && a.significant() != b.significant() && beyond(a, b))
    say(.7, "One confidence interval excludes no effect, the other one does not");
  else
    say(.1, "The estimates agree");
  return out;
}

// Whether a claim reports a significant result in words or numbers; empty: it says nothing of it.
std::optional<bool> significance(const Claim& claim) {
  for (const Effect& effect : claim.effects)
    if (effect.statistical && effect.negated) return false;
  if (claim.numbers.p_values.empty()) return std::nullopt;
  return std::any_of(claim.numbers.p_values.begin(), claim.numbers.p_values.end(),
                     [](const PValue& each) { return each.significant(); });
}

double tolerance_of(const Quantity& a, const Quantity& b) {
  constexpr double kNear = .12, kDegrees = .4;
  const double smaller = std::min(a.high, b.high);
  if (a.kind == Kind::percent) return std::max(3.0, .15 * smaller);
  if (a.kind != Kind::amount) return kNear * std::max(1.0, smaller);
  return a.dimension == Dimension::temperature ? kDegrees : kNear * std::abs(smaller);
}

bool apart(const Quantity& a, const Quantity& b) {
  const double tolerance = tolerance_of(a, b);
  return a.low > b.high + tolerance || b.low > a.high + tolerance;
}

// In mg/l where the sentence names what it is a concentration of.
Quantity by_mass(Quantity quantity) {
  if (quantity.dimension != Dimension::molar_per_volume || quantity.molar_mass == 0) return quantity;
  quantity.low *= quantity.molar_mass;
  quantity.high *= quantity.molar_mass;
  quantity.dimension = Dimension::mass_per_volume;
  return quantity;
}

// The one amount that a claim states; null for none and for several.
const Quantity* only_amount(const Claim& claim) {
  const Quantity* found = nullptr;
  for (const Quantity& each : claim.numbers.quantities) {
    if (each.kind != Kind::amount) continue;
    if (found) return nullptr;
    found = &each;
  }
  return found;
}

// Amounts of one dimension. What an effect is ascribed to is its dose, a matter of context (context.h).
Comparison compare_amounts(const Sides& sides) {
  const Quantity *first = only_amount(sides.claim1), *second = only_amount(sides.claim2);
  if (!first || !second || (!sides.claim1.effects.empty() && !sides.claim2.effects.empty())) return {};
  Quantity a = *first, b = *second;
  if (a.dimension != b.dimension) a = by_mass(a), b = by_mass(b);
  if (a.dimension != b.dimension || a.per != b.per) return {};
  const bool differ = apart(a, b);
  return {differ ? .85 : .4,
          differ ? "The numbers cannot both be right" : "The numbers agree",
          {{"quantity", first->span, second->span}}};
}

// Shares and amounts: one of a kind on the side that states fewer, none of the other side's near it.
Comparison compare_quantities(const Sides& sides) {
  Comparison out;
  for (const Kind kind : {Kind::percent, Kind::years_of_age, Kind::count}) {
    std::vector<const Quantity*> first, second;
    for (const Quantity& each : sides.claim1.numbers.quantities)
      if (each.kind == kind) first.push_back(&each);
    for (const Quantity& each : sides.claim2.numbers.quantities)
      if (each.kind == kind) second.push_back(&each);
    if (first.empty() || second.empty() || std::min(first.size(), second.size()) > 1) continue;
    const bool any_near = std::any_of(first.begin(), first.end(), [&](const Quantity* a) {
      return std::any_of(second.begin(), second.end(), [&](const Quantity* b) { return !apart(*a, *b); });
    });
    const bool both_single = first.size() == 1 && second.size() == 1;
    if (any_near && out.score > .5) continue;
    out.evidence.assign(1, {"quantity", first[0]->span, second[0]->span});
    out.score = any_near ? .4 : both_single ? (kind == Kind::count ? .65 : .85) : .6;
    out.what = any_near ? "The numbers agree" : "The numbers cannot both be right";
  }
  const Comparison amounts = compare_amounts(sides);
  return out.what.empty() || (!amounts.what.empty() && amounts.score > out.score) ? amounts : out;
}

}  // namespace

std::string explain(const Comparison& comparison, const Sides& sides) {
  if (comparison.what.empty()) return "There was nothing to compare.";
  std::string quotes;
  for (const Evidence& each : comparison.evidence) {
    const auto add = [&](std::string_view text, Span span) {
      if (span.end > span.begin)
        quotes += fmt::format("{}\"{}\"", quotes.empty() ? ": " : " and ", quote(text, span));
    };
    add(sides.text1, each.first);
    add(sides.text2, each.second);
  }
  return fmt::format("{}{}.", comparison.what, quotes);
}

Comparison compare_statistics(const Sides& sides, double about) {
  const Quantities &first = sides.claim1.numbers, &second = sides.claim2.numbers;
  if (about < kSameThing) return {};
  Comparison strongest;
  for (const Estimate& a : first.estimates)
    for (const Estimate& b : second.estimates) {
      if (a.ratio != b.ratio) continue;
      Comparison found = compare_estimates(a, b);
      if (strongest.what.empty() || found.score > strongest.score) strongest = std::move(found);
    }
  if (!strongest.what.empty()) return strongest;
  if (about < kSameWords) return {};
  const auto one = significance(sides.claim1), other = significance(sides.claim2);
  if (one && other && (!first.p_values.empty() || !second.p_values.empty())) {
    const auto span = [](const Quantities& numbers) {
      return numbers.p_values.empty() ? Span{} : numbers.p_values.front().span;
    };
    return {*one != *other ? .7 : .3,
            *one != *other ? "One claim reports a significant result, the other one none"
                           : "Both claims report the same about significance",
            {{"significance", span(first), span(second)}}};
  }
  return compare_quantities(sides);
}

}  // namespace medsynth::contradiction
