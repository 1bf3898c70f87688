// What polarity found, in words and as JSON.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/polarity.h"
#include "medsynth/contradiction/topic.h"

namespace medsynth::contradiction {
namespace {

std::string_view quote(std::string_view text, Span span) {
  return text.substr(span.begin, span.end - span.begin);
}

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
  return (effect ? effect->negated : claim.negated) ? "negated" : "affirmed";
}

jobs::EvidenceSpan evidence(std::string_view role, Span span) {
  return {std::string(role), static_cast<std::int64_t>(span.begin), static_cast<std::int64_t>(span.end)};
}

std::vector<jobs::EvidenceSpan> evidence_of(const Claim& claim, const Effect* effect, const Claim& other) {
  std::vector<jobs::EvidenceSpan> out;
  if (effect) out.push_back(evidence("effect", effect->cue));
  if (const auto& negation = effect ? effect->negation : claim.negation)
    out.push_back(evidence("negation", *negation));
  const auto add = [&](const Words& words, std::string_view role) {
    for (const Word& word : words)
      if (out.size() < 32 && word.weight >= .5F && overlap({word}, other.words).contained > 0)
        out.push_back(evidence(role, word.span));
  };
  if (effect)
    add(effect->agent, "agent"), add(effect->outcome, "outcome");
  else
    add(claim.words, "shared");
  return out;
}

// "reduce" with its negation: "not ... reduce".
std::string said(const Claim& claim, const Effect* effect, std::string_view text) {
  const auto cut = [&](Span span) { return quote(text, {span.begin, std::min(span.end, span.begin + 60)}); };
  if (!effect) return claim.negation ? fmt::format("\"{}\"", cut(*claim.negation)) : "no negation";
  const std::string cue = fmt::format("\"{}\"", cut(effect->cue));
  if (!effect->negated || !effect->negation) return cue;
  return fmt::format("{} denied by \"{}\"", cue, cut(*effect->negation));
}

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

}  // namespace

PolarityEvidence evidence_of(const Polarity& polarity, const Sides& sides) {
  PolarityEvidence out{evidence_of(sides.claim1, polarity.effect1, sides.claim2),
                       evidence_of(sides.claim2, polarity.effect2, sides.claim1)};
  if (polarity.effect1 && polarity.effect2) return out;
  for (const Assertions::Met& met : polarity.assertions.conflicts) {
    out.first.push_back(evidence("conflict", met.first));
    out.second.push_back(evidence("conflict", met.second));
  }
  return out;
}

json::object details_of(const Polarity& polarity, const Sides& sides) {
  const PolarityEvidence evidence = evidence_of(polarity, sides);
  static constexpr std::string_view kNames[] = {"identical", "opposed",   "agrees",
                                                "unrelated", "undecided", "unread"};
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
          {"evidence1", described::to_value(evidence.first)},
          {"evidence2", described::to_value(evidence.second)},
          {"explanation", json::value(explain(polarity, sides))}};
}

std::string explain(const Polarity& polarity, const Sides& sides) {
  const std::string first = said(sides.claim1, polarity.effect1, sides.text1);
  const std::string second = said(sides.claim2, polarity.effect2, sides.text2);
  std::string text;
  switch (polarity.finding) {
    case Polarity::Finding::identical:
      return "The two claims say the same in the same words.";
    case Polarity::Finding::unread:
      return "Neither claim has words that could be compared.";
    case Polarity::Finding::unrelated:
      return "The claims are not about the same thing: they share too few of the words for agent and "
             "outcome.";
    case Polarity::Finding::undecided:
      text = "The claims are about the same thing, but what they assert cannot be set against each other";
      break;
    case Polarity::Finding::agrees:
      text =
          fmt::format("The claims are about the same thing and can both hold: claim 1 has {}, claim 2 has {}",
                      first, second);
      break;
    case Polarity::Finding::opposed:
      text =
          fmt::format("The claims are about {} thing and exclude each other: claim 1 has {}, claim 2 has {}",
                      polarity.topic >= .6 ? "the same" : "perhaps the same", first, second);
      break;
  }
  if (polarity.differences.empty()) return text + ".";
  text += "; the context differs (";
  for (std::size_t i = 0; i < polarity.differences.size(); ++i)
    text += (i ? "; " : "") + describe(polarity.differences[i]);
  return text + ").";
}

}  // namespace medsynth::contradiction
