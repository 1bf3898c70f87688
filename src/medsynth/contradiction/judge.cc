#include "medsynth/contradiction/judge.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "medsynth/contradiction/topic.h"

namespace medsynth::contradiction {
namespace {

// What a claim's effects allow together, on the scales of amount and benefit.
Outcomes direction_of(const Claim& claim) {
  Outcomes all = 0;
  for (const Effect& effect : claim.effects)
    if (!effect.unknown && effect.axis != Axis::relation && effect.outcomes() != kAny)
      all |= effect.outcomes();
  return all;
}

bool denies(const Claim& claim) {
  return claim.negated || std::any_of(claim.effects.begin(), claim.effects.end(), [](const Effect& effect) {
           return effect.negated || effect.base == kNone;
         });
}

bool states_an_effect(const Claim& claim) {
  return std::any_of(claim.effects.begin(), claim.effects.end(), [](const Effect& effect) {
    return says_something(effect.agent) || says_something(effect.outcome);
  });
}

// How far one text is a short claim and the other one a long statement about it.
double evidence(const Sides& sides) {
  const auto size1 = static_cast<double>(sides.text1.size()), size2 = static_cast<double>(sides.text2.size());
  const double ratio = std::max(size1, size2) / std::max(1.0, std::min(size1, size2));
  constexpr double kSame = 1.3, kMuch = 2.5;
  return std::clamp((ratio - kSame) / (kMuch - kSame), 0.0, 1.0);
}

// The share of all words that only one claim has.
double strangers(const Words& a, const Words& b) {
  return 1 - overlap(a, b).jaccard;
}

// How far agent and outcome of an effect of the shorter claim are found in the longer one, wherever they
// stand.
double covered(const Sides& sides) {
  const bool first_is_claim = sides.text1.size() <= sides.text2.size();
  const Claim &claim = first_is_claim ? sides.claim1 : sides.claim2,
              &other = first_is_claim ? sides.claim2 : sides.claim1;
  double most = 0;
  for (const Effect& effect : claim.effects) {
    double least = 1;
    for (const Words* slot : {&effect.agent, &effect.outcome})
      if (says_something(*slot)) least = std::min(least, found_in(*slot, other.words));
    if (says_something(effect.agent) || says_something(effect.outcome)) most = std::max(most, least);
  }
  return most;
}

}  // namespace

Judgement judge(const Sides& sides) {
  Judgement out{.polarity = compare(sides), .statistical = {}, .temporal = {}, .features = {}};
  const Polarity& polarity = out.polarity;
  const Assertions& assertions = polarity.assertions;
  Features& features = out.features;
  const double about = std::max(polarity.words, polarity.topic);
  out.statistical = compare_statistics(sides, about);
  out.temporal = compare_times(sides, about);
  using Finding = Polarity::Finding;
  if (polarity.finding == Finding::identical || polarity.finding == Finding::unread) return out;
  features.opposed = polarity.finding == Finding::opposed ? polarity.score : 0;
  features.agrees = polarity.finding == Finding::agrees ? polarity.topic : 0;
  features.undecided = polarity.finding == Finding::undecided ? 1 : 0;
  features.topic = polarity.topic;
  features.agent = polarity.agent;
  features.outcome = polarity.outcome;
  features.loosely_opposed = polarity.loosely_opposed;
  features.loosely_agrees = polarity.loosely_agrees;
  features.prevails = std::max(0.0, std::max(features.opposed, features.loosely_opposed) -
                                        std::max(features.agrees, features.loosely_agrees));
  features.agent_opposed = polarity.agent_opposed;
  const auto hedged = [](const Effect* effect, const Claim& claim) {
    return effect ? effect->hedged || effect->unknown : claim.hedged;
  };
  features.hedged = (hedged(polarity.effect1, sides.claim1) + hedged(polarity.effect2, sides.claim2)) / 2.0;
  features.context = 1 - certainty_left(polarity.differences);
  features.shared = polarity.words;
  features.strangers = strangers(sides.claim1.words, sides.claim2.words);
  const double shared = polarity.words * polarity.words;
  features.negation = denies(sides.claim1) != denies(sides.claim2) ? shared : 0;
  const Outcomes first = direction_of(sides.claim1), second = direction_of(sides.claim2);
  features.direction = first != 0 && second != 0 && (first & second) == 0 ? shared : 0;
  features.covered = covered(sides);
  features.covered_context = features.context * features.covered;
  features.outcome_negation = features.negation * features.outcome;
  features.covered_negation = denies(sides.claim1) != denies(sides.claim2) ? features.covered : 0;
  features.covered_direction = features.direction > 0 ? features.covered : 0;
  if (!states_an_effect(sides.claim1) && !states_an_effect(sides.claim2))
    features.finding = assertions.finding;
  const double share = assertions.coverage * assertions.coverage * assertions.coverage;
  const double conflict = share * assertions.conflict;
  features.antonyms = share * assertions.rivals;
  (states_an_effect(sides.claim1) && states_an_effect(sides.claim2) ? features.denied_effect
                                                                    : features.denied) = conflict;
  features.evidence = evidence(sides);
  features.evidence_opposed = features.evidence * features.opposed;
  features.evidence_loosely = features.evidence * (features.loosely_opposed - features.loosely_agrees);
  features.evidence_agent = features.evidence * features.agent_opposed;
  features.evidence_negation = features.evidence * features.negation;
  features.evidence_direction = features.evidence * features.direction;
  features.evidence_denied = features.evidence * (features.denied + features.denied_effect);
  features.statistical = 2 * out.statistical.score - 1;
  features.temporal = 2 * out.temporal.score - 1;
  return out;
}

bool in_order(std::string_view text1, std::string_view text2) {
  return text1 <= text2;
}

void turn(Judgement& judgement) {
  Polarity& polarity = judgement.polarity;
  std::swap(polarity.effect1, polarity.effect2);
  for (Difference& difference : polarity.differences) std::swap(difference.first, difference.second);
  for (Assertions::Met& met : polarity.assertions.conflicts) std::swap(met.first, met.second);
  for (Comparison* each : {&judgement.statistical, &judgement.temporal})
    for (Evidence& evidence : each->evidence) std::swap(evidence.first, evidence.second);
}

double score_of(const Judgement& judgement, const Combination& combination) {
  using Finding = Polarity::Finding;
  const Finding finding = judgement.polarity.finding;
  if (finding == Finding::identical) return judgement.polarity.score;
  if (finding == Finding::unread) return (combination.uncertain.from + combination.uncertain.to) / 2;
  return probability(combination, judgement.features);
}

std::string explain(const Judgement& judgement, const Sides& sides) {
  const Polarity& polarity = judgement.polarity;
  const auto quote = [](std::string_view text, Span span) {
    return text.substr(span.begin, std::min<std::size_t>(span.end - span.begin, 60));
  };
  std::string out;
  const bool opposed = polarity.finding == Polarity::Finding::opposed;
  constexpr double kTells = .2;  // of a feature: below, it decided nothing
  if (!opposed && judgement.features.denied + judgement.features.antonyms >= kTells) {
    const Assertions::Met& met = polarity.assertions.conflicts.front();
    out = fmt::format("One claim asserts what the other one denies or excludes: \"{}\" and \"{}\".",
                      quote(sides.text1, met.first), quote(sides.text2, met.second));
  } else if (!opposed && judgement.features.loosely_opposed >= kTells) {
    out =
        "The claims speak of related things in part, and what they say of them points in opposite "
        "directions.";
  } else {
    out = explain(polarity, sides);
  }
  for (const Comparison* each : {&judgement.statistical, &judgement.temporal})
    if (each->score > .5) out += " " + explain(*each, sides);
  return out;
}

PolarityEvidence evidence_of(const Judgement& judgement, const Sides& sides) {
  PolarityEvidence out = evidence_of(judgement.polarity, sides);
  const auto add = [](std::vector<jobs::EvidenceSpan>& to, std::string_view role, Span span) {
    if (span.end > span.begin)
      to.push_back(
          {std::string(role), static_cast<std::int64_t>(span.begin), static_cast<std::int64_t>(span.end)});
  };
  for (const Comparison* each : {&judgement.statistical, &judgement.temporal})
    for (const Evidence& evidence : each->evidence) {
      add(out.first, evidence.role, evidence.first);
      add(out.second, evidence.role, evidence.second);
    }
  return out;
}

json::object details_of(const Comparison& comparison, const Sides& sides) {
  json::array first, second;
  for (const Evidence& each : comparison.evidence) {
    const auto add = [&](json::array& to, Span span) {
      if (span.end > span.begin)
        to.push_back(
            json::object{{"role", json::value(each.role)}, {"begin", span.begin}, {"end", span.end}});
    };
    add(first, each.first);
    add(second, each.second);
  }
  return {{"score", comparison.score},
          {"explanation", json::value(explain(comparison, sides))},
          {"evidence1", std::move(first)},
          {"evidence2", std::move(second)}};
}

}  // namespace medsynth::contradiction
