// What polarity found, in words and as JSON.
#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/text.h"
#include "medsynth/contradiction/polarity.h"
#include "medsynth/contradiction/topic.h"

namespace medsynth::contradiction {
namespace {

constexpr std::size_t kLongestQuote = 60;  // bytes
constexpr std::size_t kMostSpans = 32;     // of one claim

std::string_view direction_of(const Effect* effect) {
  if (!effect) return "not stated";
  if (effect->base == kNone) return "no_effect";
  switch (effect->axis) {
    case Axis::quantity:
      return effect->base == kLess ? "decrease" : effect->base == kMore ? "increase" : "effect";
    case Axis::relation:
      return effect->soft ? "association" : "effect";
    case Axis::benefit:
      return effect->base == kLess ? "harm" : effect->base == kMore ? "benefit" : "not_worse";
    case Axis::safety:
      return effect->base == kLess ? "unsafe" : "safe";
  }
  return "not stated";
}

std::string_view assertion_of(const Claim& claim, const Effect* effect) {
  if (effect && effect->unknown) return "unknown";
  return (effect ? effect->negated : claim.negated()) ? "negated" : "affirmed";
}

std::optional<Span> negation_of(const Claim& claim, const Effect* effect) {
  if (effect) return effect->negation;
  return claim.negated() ? std::optional(claim.denials[0]) : std::nullopt;
}

std::vector<jobs::EvidenceSpan> evidence_of(const Claim& claim, const Effect* effect, const Claim& other,
                                            std::string_view text) {
  std::vector<jobs::EvidenceSpan> out;
  if (effect) out.push_back(evidence("effect", effect->cue, text));
  if (const auto negation = negation_of(claim, effect)) out.push_back(evidence("negation", *negation, text));
  const auto add = [&](const Words& words, std::string_view role) {
    for (const Word& word : words)
      if (out.size() < kMostSpans && word.weight >= .5F && overlap({word}, other.words).contained > 0)
        out.push_back(evidence(role, word.span, text));
  };
  if (effect)
    add(effect->agent, "agent"), add(effect->outcome, "outcome");
  else
    add(claim.words, "shared");
  return out;
}

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

}  // namespace

jobs::EvidenceSpan evidence(std::string_view role, Span span, std::string_view text) {
  const std::string_view quote = text.substr(span.begin, span.end - span.begin);
  const auto begin = static_cast<std::int64_t>(code_points(text.substr(0, span.begin)));
  return {std::string(role), begin, begin + static_cast<std::int64_t>(code_points(quote)),
          std::string(quote)};
}

std::string said(const Claim& claim, const Effect* effect, std::string_view text) {
  const auto cut = [&](Span span) { return printable(excerpt(text, span, kLongestQuote)); };
  if (!effect) return claim.negated() ? fmt::format("\"{}\"", cut(claim.denials[0])) : "no negation";
  const std::string cue = fmt::format("\"{}\"", cut(effect->cue));
  if (!effect->negated || !effect->negation || *effect->negation == effect->cue) return cue;
  return fmt::format("{} denied by \"{}\"", cue, cut(*effect->negation));
}

PolarityEvidence evidence_of(const Polarity& polarity, const Sides& sides) {
  PolarityEvidence out{evidence_of(sides.claim1, polarity.effect1, sides.claim2, sides.text1),
                       evidence_of(sides.claim2, polarity.effect2, sides.claim1, sides.text2)};
  if (polarity.effect1 && polarity.effect2) return out;
  for (const Assertions::Met& met : polarity.assertions.conflicts) {
    out.first.push_back(evidence("conflict", met.first, sides.text1));
    out.second.push_back(evidence("conflict", met.second, sides.text2));
  }
  return out;
}

json::object details_of(const Polarity& polarity, const Sides& sides) {
  const PolarityEvidence found = evidence_of(polarity, sides);
  static constexpr std::string_view kNames[] = {"identical", "opposed", "agrees",     "unrelated",
                                                "undecided", "unread",  "not_english"};
  return {{"score", polarity.score},
          {"finding", json::value(kNames[static_cast<std::size_t>(polarity.finding)])},
          {"overlap", json::object{{"topic", rounded(polarity.topic)},
                                   {"agent", rounded(polarity.agent)},
                                   {"outcome", rounded(polarity.outcome)},
                                   {"words", rounded(polarity.words)}}},
          {"assertion1", json::value(assertion_of(sides.claim1, polarity.effect1))},
          {"assertion2", json::value(assertion_of(sides.claim2, polarity.effect2))},
          {"direction1", json::value(direction_of(polarity.effect1))},
          {"direction2", json::value(direction_of(polarity.effect2))},
          {"hedged1", polarity.effect1 ? polarity.effect1->hedged : sides.claim1.hedged},
          {"hedged2", polarity.effect2 ? polarity.effect2->hedged : sides.claim2.hedged},
          {"evidence1", described::to_value(found.first)},
          {"evidence2", described::to_value(found.second)},
          {"explanation", json::value(explain(polarity, sides))}};
}

std::string explain(const Polarity& polarity, const Sides& sides) {
  using Finding = Polarity::Finding;
  const auto both = [&] {
    return fmt::format("claim 1 has {}, claim 2 has {}", said(sides.claim1, polarity.effect1, sides.text1),
                       said(sides.claim2, polarity.effect2, sides.text2));
  };
  switch (polarity.finding) {
    case Finding::identical:
      return "The same words.";
    case Finding::unread:
      return "No words that could be compared.";
    case Finding::foreign:
      return "Not English: nothing was compared.";
    case Finding::unrelated:
      return "Too few words in common for agent and outcome.";
    case Finding::undecided:
      return fmt::format("One topic, statements that cannot be set against each other: {}.", both());
    case Finding::agrees:
      return fmt::format("One topic, the same direction or room for both: {}.", both());
    case Finding::opposed:
      return fmt::format("{} topic, opposite directions: {}.", polarity.topic >= .6 ? "One" : "Perhaps one",
                         both());
  }
  return "";
}

}  // namespace medsynth::contradiction
