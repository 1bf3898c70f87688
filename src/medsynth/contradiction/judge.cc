#include "medsynth/contradiction/judge.h"

#include <algorithm>
#include <utility>

#include "medsynth/base/described.h"
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
  return claim.negated() || std::any_of(claim.effects.begin(), claim.effects.end(), [](const Effect& effect) {
           return effect.negated || effect.base == kNone;
         });
}

bool states_an_effect(const Claim& claim) {
  return std::any_of(claim.effects.begin(), claim.effects.end(), [](const Effect& effect) {
    return says_something(effect.agent) || says_something(effect.outcome);
  });
}

// "Hypotension was more frequent"; not "causes hypotension".
bool states_an_amount(const Claim& claim) {
  return std::any_of(claim.effects.begin(), claim.effects.end(), [](const Effect& effect) {
    return effect.axis == Axis::quantity && !effect.carrier &&
           (says_something(effect.agent) || says_something(effect.outcome));
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

PolarityEvidence evidence_of(const Comparison& comparison, const Sides& sides) {
  PolarityEvidence out;
  for (const Evidence& each : comparison.evidence) {
    if (each.first.end > each.first.begin) out.first.push_back(evidence(each.role, each.first, sides.text1));
    if (each.second.end > each.second.begin)
      out.second.push_back(evidence(each.role, each.second, sides.text2));
  }
  return out;
}

}  // namespace

Judgement judge(const Sides& given) {
  Judgement out;
  out.part1 = focus(given.claim1, given.claim2);
  out.part2 = focus(given.claim2, given.claim1);
  const Sides sides = out.seen(given);
  out.polarity = compare(sides);
  out.apart = speak_of_different_things(sides.claim1, sides.claim2);
  const Polarity& polarity = out.polarity;
  const Assertions& assertions = polarity.assertions;
  Features& features = out.features;
  using Finding = Polarity::Finding;
  if (polarity.finding == Finding::identical || polarity.finding == Finding::unread ||
      polarity.finding == Finding::foreign)
    return out;
  const double about = std::max(polarity.words, polarity.topic);
  features.topic = polarity.topic;
  features.shared = polarity.words;
  features.strangers = strangers(sides.claim1.words, sides.claim2.words);
  if (out.apart) return out;
  out.statistical = compare_statistics(sides, about);
  out.temporal = compare_times(sides, about);
  features.opposed = polarity.finding == Finding::opposed ? polarity.score : 0;
  features.agrees = polarity.finding == Finding::agrees ? polarity.topic : 0;
  features.undecided = polarity.finding == Finding::undecided ? 1 : 0;
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
  const bool effects = states_an_effect(sides.claim1) && states_an_effect(sides.claim2);
  // "Hypotension was more frequent", "hypertension was less frequent": two things with an amount each.
  if (!(states_an_amount(sides.claim1) && states_an_amount(sides.claim2)))
    features.antonyms = share * assertions.rivals;
  (effects ? features.denied_effect : features.denied) = conflict;
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
  std::swap(judgement.part1, judgement.part2);
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
  if (finding == Finding::unread || finding == Finding::foreign)
    return (combination.uncertain.from + combination.uncertain.to) / 2;
  return probability(combination, judgement.features);
}

PolarityEvidence evidence_of(const Judgement& judgement, const Sides& given) {
  const Sides sides = judgement.seen(given);
  PolarityEvidence out = evidence_of(judgement.polarity, sides);
  for (const Comparison* each : {&judgement.statistical, &judgement.temporal}) {
    const PolarityEvidence found = evidence_of(*each, sides);
    out.first.insert(out.first.end(), found.first.begin(), found.first.end());
    out.second.insert(out.second.end(), found.second.begin(), found.second.end());
  }
  return out;
}

json::object details_of(const Comparison& comparison, const Sides& sides) {
  const PolarityEvidence found = evidence_of(comparison, sides);
  return {{"score", comparison.score},
          {"explanation", json::value(explain(comparison, sides))},
          {"evidence1", described::to_value(found.first)},
          {"evidence2", described::to_value(found.second)}};
}

}  // namespace medsynth::contradiction
