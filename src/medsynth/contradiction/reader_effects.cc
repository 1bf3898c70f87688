// The part of the reading that concerns effects: which words are effects, what two of them say together,
// whose they are.
#include <algorithm>

#include "medsynth/contradiction/reader.h"

namespace medsynth::contradiction {
namespace {

// "There was no reduction in ...", "was an increase in ...".
bool is_noun(std::string_view effect) {
  return effect.ends_with("tion") || effect.ends_with("ment") ||
         is_one_of(effect, {"increase", "decrease", "decline", "rise", "fall", "drop", "gain", "loss"});
}

}  // namespace

// Two effects stand side by side. Does the first one give way to the second ("associated with a reduction")?
bool Reader::gives_way(const Effect& first) const {
  if (first.carrier) return true;
  return first.axis == Axis::benefit && first.outcome.empty() &&
         clause_.preposition;  // "effective in reducing"
}

void Reader::compose(Effect& outer, const Item& item) {
  const Entry& inner = item.entry;
  outer.negated ^= clause_.negation_pending;
  if (clause_.negation_pending) outer.negation = clause_.negation, outer.statistical = clause_.statistical;
  clause_.negation_pending = false;
  outer.cue.end = item.span.end;
  outer.comparing |= inner.comparing;
  if (gives_way(outer)) {
    const bool useless =
        outer.axis == Axis::benefit && (outer.base & kMore) == 0;  // "ineffective in reducing"
    outer.negated ^= useless;
    outer.base = inner.outcomes;
    outer.axis = inner.axis;
    outer.carrier = inner.carrier;
    outer.soft = inner.soft;
  } else if (outer.base == kNone || inner.axis == Axis::relation) {
    // "similar reductions", "beneficial effect": the first word has said it.
  } else {
    // "less safe" is less, although "safe" itself only excludes harm.
    const Outcomes direction = (inner.outcomes & kMore) != 0 ? kMore : inner.outcomes;
    outer.base = outer.base == kLess ? opposite(direction) : direction;
    outer.axis = inner.axis == Axis::quantity ? outer.axis : inner.axis;
  }
  clause_.preposition = false;
  // "improved more in the exercise group"
  clause_.predicative |= !clause_.be && is_one_of(item.text, {"more", "less", "better", "faster", "slower"});
}

Effect Reader::begin_effect(const Item& item) {
  const Entry& entry = item.entry;
  Effect effect;
  effect.base = entry.outcomes;
  effect.axis = entry.axis;
  effect.carrier = entry.carrier;
  effect.soft = entry.soft;
  effect.comparing = entry.comparing;
  effect.negated = clause_.negation_pending;
  effect.statistical = clause_.negation_pending && clause_.statistical;
  if (clause_.negation_pending) effect.negation = clause_.negation;
  effect.hedged = clause_.hedged;
  effect.unknown = clause_.unknown;
  effect.cue = item.span;
  return effect;
}

// A second verb needs a conjunction, a relative or an auxiliary: without one, the word only describes
// ("deficits induced by").
bool Reader::is_attributive(std::size_t at) const {
  if (clause_.joined || clause_.be || clause_.negation_pending || at == 0) return false;
  const Item& last = items_[at - 1];
  if (is_one_of(last.text, {"that", "which", "to", "thereby", "have", "has", "had", "also", "further"}))
    return false;
  return !(items_[at].text.ends_with("ing") && last.entry.role == Role::preposition);
}

// "Incidence rose with age", "triglycerides fell in the diet group": the subject is what changed.
bool Reader::is_intransitive(std::size_t at) const {
  const Item& item = items_[at];
  if (item.entry.axis != Axis::quantity || item.entry.carrier || at == 0 || at + 1 == items_.size() ||
      item.text.ends_with("tion"))
    return false;
  const Role before = items_[at - 1].entry.role;
  return items_[at - 1].kind == TokenKind::word && (before == Role::content || before == Role::significant) &&
         items_[at + 1].entry.role == Role::preposition &&
         is_one_of(items_[at + 1].text, {"with", "after", "following", "in", "among", "during", "by"});
}

// "more than 80%", "fewer than half", "exceeded 10".
bool Reader::bounds_a_number(std::size_t at) const {
  if (items_[at].text.starts_with("exceed") && at + 1 < items_.size() &&
      (items_[at + 1].kind == TokenKind::number || is_one_of(items_[at + 1].text, {"one", "two", "half"})))
    return true;
  if (at + 2 >= items_.size() || items_[at + 1].text != "than") return false;
  return items_[at + 2].kind == TokenKind::number ||
         is_one_of(items_[at + 2].text, {"half", "a", "one", "two", "three", "four", "five", "ten"});
}

// "the rate of decline", "at high risk", "a common treatment", "wound healing": a thing, no effect.
bool Reader::names_a_quantity(std::size_t at) const {
  if (at == 0) return false;
  if (items_[at].text.ends_with("ing") && items_[at - 1].entry.role == Role::content) {
    if (at + 1 == items_.size() || items_[at + 1].kind == TokenKind::symbol) return true;
    const Role next = items_[at + 1].entry.role;
    if (next == Role::preposition || next == Role::conjunction || next == Role::be || next == Role::effect)
      return true;
  }
  if (at + 1 == items_.size()) return false;
  const std::string& before = items_[at - 1].text;
  const bool adjective =
      is_one_of(items_[at].text, {"common", "frequent", "rare", "uncommon", "high", "low", "abundant"});
  if (adjective)
    return is_one_of(before, {"a", "an", "at", "most"}) && items_[at + 1].entry.role == Role::content;
  // "the lower target", but not "a lower risk"
  if (before == "the" && is_one_of(items_[at].text, {"lower", "higher", "lowest", "highest", "low", "high"}))
    return items_[at + 1].entry.role == Role::content;
  const bool process = is_one_of(items_[at].text, {"decline", "growth", "reduction", "decrease", "increase"});
  if (process && before == "the" && clause_.open >= 0 && clause_.preposition) return true;
  return process && before == "of" && at > 1 && is_one_of(items_[at - 2].text, {"rate", "rates", "speed"});
}

// Words that are effects elsewhere and only describe here. True when the word has been dealt with.
bool Reader::describes(std::size_t at) {
  const Item& item = items_[at];
  const bool compound = at > 0 && items_[at - 1].joined;  // "dose-dependent", not "non-inferior"
  const auto as_content = [&] { content(item, Entry{.concept_id = concept_of(item.text), .weight = .5F}); };
  if (bounds_a_number(at)) return true;
  if (compound && items_[at - 1].text != "non") {
    // "glucose-lowering drugs": less of what was just named.
    if (item.entry.outcomes == kLess && items_[at - 1].entry.role == Role::content) return turn_round(), true;
    return as_content(), true;
  }
  if (clause_.slot == Slot::setting && clause_.open >= 0) return as_content(), true;
  if (names_a_quantity(at)) return as_content(), true;
  const bool quantity = item.entry.axis == Axis::quantity && !item.entry.carrier;
  const bool after_noun = at > 0 && is_one_of(items_[at - 1].text, {"with", "of", "having"});
  // "low-fat diet", "people with low vitamin D": less of what is being read.
  if (quantity && (item.joined || (clause_.open < 0 && after_noun))) {
    if (clause_.open < 0 && item.entry.outcomes == kLess) turn_round();
    return true;
  }
  Effect* const before = open();
  if (!before) return false;
  if (!clause_.gap && !clause_.joined) return compose(*before, item), true;
  if (!heavy(before->agent) || !is_attributive(at)) return false;
  if (gives_way(*before))
    compose(*before, item);  // "associated with stroke reduction"
  else
    as_content();
  return true;
}

// "Low vitamin D increases ...": the effect read so far only said how much of the agent.
void Reader::make_agent_of(Effect& before, Effect& effect) {
  clause_.left = std::move(before.outcome);
  append(clause_.left, clause_.cause);
  clause_.left_less = (before.base == kLess) != before.outcome_less;
  effect.negated ^= before.negated;
  if (before.negated) effect.negation = before.negation;
  effect.soft = false;  // "low X is linked to Y": now the direction is said
  effect.setting = std::move(before.setting);
  effect.hedged |= before.hedged;
  claim_.effects.pop_back();
  clause_.open = -1;
}

// The agent of a new effect: what was read before it, else that of the effect before.
void Reader::give_agent(Effect& effect) {
  if (clause_.left.empty() && clause_.slot == Slot::setting) clause_.left = clause_.setting;
  effect.inherited = clause_.left.empty() && !last_agent_.empty() &&
                     (clause_.pronoun || claim_.effects.size() > first_of_sentence_);
  effect.agent = effect.inherited ? last_agent_ : std::move(clause_.left);
  effect.agent_less = clause_.left_less;
  append(effect.setting, clause_.setting);
  append(effect.comparator, clause_.comparator);
  clause_.left.clear();
}

void Reader::effect(std::size_t at) {
  if (describes(at)) return;
  if (claim_.effects.size() >= kMaxEffects) return;
  Effect effect = begin_effect(items_[at]);
  if (Effect* const before = open()) {
    if (!heavy(before->agent) && !before->inherited && !clause_.joined && !before->outcome.empty()) {
      make_agent_of(*before, effect);
    } else {
      effect.agent = before->agent.empty() ? clause_.cause : before->agent;
      effect.agent_less = before->agent_less;
      effect.inherited = true;
      before->shares_outcome = clause_.joined && !clause_.gap;
      close_effect();
    }
  }
  if (!effect.inherited) give_agent(effect);
  const bool followed = at + 1 < items_.size() && items_[at + 1].entry.role == Role::preposition;
  effect.active =
      !effect.inherited && !effect.agent.empty() && !clause_.be && !followed && effect.axis == Axis::quantity;
  claim_.effects.push_back(std::move(effect));
  clause_.open = static_cast<int>(claim_.effects.size()) - 1;
  // "A outperformed B": B is what A is compared with.
  const bool surpasses = items_[at].entry.comparing &&
                         is_one_of(items_[at].text, {"outperforms", "outperformed", "outperform", "surpassed",
                                                     "surpasses", "underperformed", "underperforms"});
  clause_.slot = surpasses ? Slot::comparator : Slot::main;
  clause_.negation_pending = clause_.statistical = clause_.reported = clause_.observed = false;
  clause_.gap = clause_.joined = clause_.preposition = clause_.between = clause_.preposition_seen = false;
  const Entry& entry = items_[at].entry;
  clause_.passive = clause_.be;
  clause_.as_much = is_one_of(items_[at].text, {"as", "times", "twice", "half"});
  clause_.predicative =
      (clause_.be && !is_noun(items_[at].text) && (entry.axis == Axis::quantity || entry.comparing)) ||
      is_intransitive(at);
}

}  // namespace medsynth::contradiction
