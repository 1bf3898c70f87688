// The part of the reading that concerns ends of clauses: which effect a pending negation is of, whose words
// what was read last are.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "medsynth/contradiction/reader.h"

namespace medsynth::contradiction {

void Reader::close_effect() {
  Effect* const effect = open();
  if (!effect) return;
  if (!clause_.cause.empty()) {
    if (effect->agent.empty() || effect->inherited) {
      effect->agent = std::move(clause_.cause);
      // "no association between A and B": the comparator is what the association is with.
      if (effect->outcome.empty() && effect->axis == Axis::relation)
        effect->outcome = std::move(effect->comparator);
    } else {
      append(effect->setting, clause_.cause);
    }
    clause_.cause.clear();
  }
  // "The mortality of patients with X was higher than that of ...": what was higher, and of whom.
  if (effect->outcome.empty() && heavy(effect->comparator) && clause_.head_end > 0 && !effect->inherited) {
    Words whose;
    for (const Word& word : effect->agent)
      (word.span.begin > clause_.head_end ? whose : effect->outcome).push_back(word);
    effect->agent = std::move(whose);
    std::swap(effect->agent_less, effect->outcome_less);
  }
  const bool of_outcome = effect->axis == Axis::quantity || effect->axis == Axis::relation ||
                          std::any_of(effect->agent.begin(), effect->agent.end(),
                                      [](const Word& word) { return word.sentiment != 0; });
  if (effect->arm_follows && of_outcome && heavy(effect->agent) && heavy(effect->outcome)) {
    std::swap(effect->agent, effect->outcome);
    std::swap(effect->agent_less, effect->outcome_less);
  }
  // "Mortality was similar.", "Renal function declined.": what was said is the outcome, of whoever was spoken
  // of.
  const bool of_subject = effect->outcome.empty() && effect->comparator.empty() && !effect->inherited &&
                          (effect->axis == Axis::quantity || effect->axis == Axis::relation);
  if (of_subject && std::any_of(effect->agent.begin(), effect->agent.end(),
                                [](const Word& word) { return word.sentiment != 0; })) {
    effect->outcome = std::move(effect->agent);
    std::swap(effect->agent_less, effect->outcome_less);
    effect->agent = last_agent_;
    effect->inherited = !last_agent_.empty();
  }
  if (!effect->agent.empty()) last_agent_ = effect->agent;
}

// A negation that met no effect after it: "... was not observed", "... but not stroke", or about no effect at
// all.
void Reader::resolve_negation() {
  if (!clause_.negation_pending) return;
  const bool any = claim_.effects.size() > first_of_sentence_;
  const bool more = heavy(clause_.after_negation);
  if (any && !more && clause_.open < 0 && heavy(clause_.left) && claim_.effects.size() < kMaxEffects) {
    // "..., whereas clopidogrel did not": the same effect, denied of another agent.
    Effect copy = claim_.effects.back();
    copy.agent = std::move(clause_.left);
    copy.agent_less = clause_.left_less;
    copy.inherited = false;
    copy.negated = !copy.negated;
    copy.negation = copy.cue = *clause_.negation;
    claim_.effects.push_back(std::move(copy));
  } else if (any && (clause_.reported || !more)) {
    Effect& last = claim_.effects.back();
    last.negated = !last.negated;
    last.statistical |= clause_.statistical;
    last.negation = clause_.negation;
  } else if (any && claim_.effects.size() < kMaxEffects) {
    // "reduced infarction but not stroke": the same effect, denied of something else.
    Effect copy = claim_.effects.back();
    Effect* const previous = open();
    const auto after = [&](const Word& word) { return word.span.begin >= clause_.negation->begin; };
    if (previous) std::erase_if(previous->outcome, after), std::erase_if(previous->setting, after);
    Words setting = previous ? Words{} : clause_.setting;
    if (!setting.empty())
      copy.setting = setting;
    else
      copy.outcome = clause_.after_negation;
    copy.negated = !copy.negated;
    copy.negation = clause_.negation;
    copy.active = false;
    claim_.effects.push_back(std::move(copy));
  } else {
    claim_.denials.push_back(*clause_.negation);
  }
  clause_.negation_pending = false;
}

void Reader::end_clause(std::size_t at) {
  claim_.clause_ends.push_back(at);
  Effect* const effect = open();
  if (effect) {
    effect->hedged |= clause_.hedged;
    effect->unknown |= clause_.unknown;
  }
  // "Whereas metformin did not reduce weight, semaglutide did.": the same effect, of another agent.
  const bool elliptic = clause_.ellipsis && clause_.open < 0 && !clause_.negation_pending &&
                        heavy(clause_.left) && claim_.effects.size() > first_of_sentence_ &&
                        claim_.effects.size() < kMaxEffects;
  if (elliptic) {
    Effect copy = claim_.effects.back();
    copy.negated = false;
    copy.inherited = false;
    copy.agent = std::move(clause_.left);
    copy.agent_less = clause_.left_less;
    copy.cue = copy.agent.back().span;
    claim_.effects.push_back(std::move(copy));
  }
  resolve_negation();
  close_effect();
  // "It is uncertain; ..." or "Whether X ... is unknown": said of the sentence's last effect.
  if (clause_.unknown && clause_.open < 0 && claim_.effects.size() > first_of_sentence_)
    claim_.effects.back().unknown = true;
  if (clause_.open < 0 && heavy(clause_.left))
    last_agent_ = clause_.left;  // what "it" is in the next sentence
  const bool pronoun = clause_.pronoun && clause_.open < 0;
  clause_ = Clause{};
  clause_.pronoun = pronoun;
}

}  // namespace medsynth::contradiction
