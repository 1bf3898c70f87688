#include "medsynth/contradiction/reader.h"

#include <algorithm>

namespace medsynth::contradiction {
namespace {

// A word as heavy as this names something of its own; lighter ones ("risk", "treatment") only accompany.
constexpr float kHeavy = .5F;

void append(Words& to, Words& from) {
  to.insert(to.end(), from.begin(), from.end());
  from.clear();
}

bool heavy(const Words& words) {
  return std::any_of(words.begin(), words.end(), [](const Word& word) { return word.weight >= kHeavy; });
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

void Reader::sentence(std::vector<Item> items) {
  items_ = std::move(items);
  first_of_sentence_ = claim_.effects.size();
  clause_ = Clause{};
  for (std::size_t at = 0; at < items_.size(); ++at) read(at);
  end_clause();
  for (std::size_t i = claim_.effects.size(); i-- > first_of_sentence_;) {
    Effect& effect = claim_.effects[i];
    if (effect.shares_outcome && effect.outcome.empty() && i + 1 < claim_.effects.size())
      effect.outcome = claim_.effects[i + 1].outcome;
  }
}

// "lack of association", "lack of evidence that": it denies; "lack of sleep" is a thing.
bool Reader::says_something_next(std::size_t at) const {
  for (std::size_t next = at + 1; next < items_.size(); ++next)
    if (items_[next].entry.role != Role::stop)
      return items_[next].entry.role == Role::effect || items_[next].entry.role == Role::that;
  return false;
}

void Reader::read(std::size_t at) {
  const Item& item = items_[at];
  if (item.kind == TokenKind::symbol) return symbol(item);
  if (item.kind == TokenKind::number) return;
  if (item.entry.role != Role::content) claim_.english = true;
  const bool was_be = clause_.be;
  switch (item.entry.role) {
    case Role::content:
      content(item, item.entry);
      break;
    case Role::effect:
      clause_.be = was_be;
      effect(at);
      break;
    case Role::negation:
      negation(item);
      return;  // "was not" is still "was"
    case Role::hedge:
      clause_.hedged = claim_.hedged = true;
      return;
    case Role::unknown:
      clause_.unknown = true;
      return;
    case Role::be:
      clause_.be = true;
      return;
    case Role::preposition:
      preposition(item);
      break;
    case Role::conjunction:
      clause_.joined = true;
      if (clause_.between) clause_.between = false, clause_.slot = Slot::comparator;
      break;
    case Role::boundary:
      end_clause();
      break;
    case Role::versus:
      clause_.slot = Slot::comparator;
      break;
    case Role::receiving:
      if (clause_.slot == Slot::setting) clause_.slot = clause_.open < 0 ? Slot::main : Slot::cause;
      break;
    case Role::observed:
    case Role::significant:
      clause_.observed |= item.entry.role == Role::observed;
      if (clause_.negation_pending && clause_.after_negation.empty()) clause_.reported = true;
      if (item.entry.role == Role::significant) clause_.statistical = clause_.negation_pending;
      return;
    case Role::flip: {
      if (is_one_of(item.text, {"lack", "absence"}) && says_something_next(at)) return negation(item);
      if (clause_.slot == Slot::main) turn_round();
      content(item, Entry{.concept_id = concept_of(item.text), .weight = .25F});
      break;
    }
    case Role::pronoun:
      clause_.subject = clause_.pronoun = true;
      break;
    case Role::that:
      that();
      break;
    case Role::dose:
      claim_.doses.push_back({concept_of(item.text), 1, 0, item.span});
      break;
    case Role::stop:
      return;
  }
  clause_.be = false;
}

Words& Reader::target() {
  Effect* const effect = open();
  switch (clause_.slot) {
    case Slot::setting:
      return effect ? effect->setting : clause_.setting;
    case Slot::comparator:
      return effect ? effect->comparator : clause_.comparator;
    case Slot::cause:
      return clause_.cause;
    case Slot::main:
      break;
  }
  return effect ? effect->outcome : clause_.left;
}

// The agent, or the outcome, being read is one that there is less of.
void Reader::turn_round() {
  bool& less = clause_.open >= 0 ? open()->outcome_less : clause_.left_less;
  less = !less;
}

void Reader::content(const Item& item, const Entry& entry) {
  if (claim_.words.size() >= kMaxWords) return;
  const Word word{entry.concept_id, entry.weight, entry.sentiment, item.span};
  if (entry.inverse && clause_.slot == Slot::main) turn_round();
  claim_.words.push_back(word);
  target().push_back(word);
  if (clause_.negation_pending) clause_.after_negation.push_back(word);
  clause_.subject = true;
  clause_.joined = false;
  if (entry.weight >= kHeavy && (clause_.slot == Slot::main || clause_.slot == Slot::cause))
    clause_.gap = true;
}

void Reader::negation(const Item& item) {
  const bool again = is_one_of(item.text, {"nor", "neither"}) && clause_.negation_pending;
  if (again) return;
  // A second negation before the effect takes the first one back: "did not fail to".
  clause_.negation_pending = !clause_.negation_pending;
  clause_.statistical = is_one_of(item.text, {"nonsignificant", "insignificant"});
  clause_.reported = clause_.statistical;
  clause_.after_negation.clear();
  clause_.negation = item.span;
  if (item.text == "without") clause_.joined = true;  // "worked without increasing ...": a second effect
}

void Reader::symbol(const Item& item) {
  if (item.text == ";" || item.text == ":") return end_clause();
  if (item.text != ",") return;
  clause_.joined = true;
  if (clause_.slot == Slot::setting || clause_.slot == Slot::comparator) {
    clause_.slot = Slot::main;
    // "Compared with placebo, ...", "In women, ...": what came before is no subject.
    if (clause_.open < 0 && clause_.left.empty()) clause_.subject = false;
  }
}

// "We found that ...": the sentence proper begins; negations and hedges before it concern it.
void Reader::that() {
  if (clause_.open >= 0) return;    // a relative clause after the outcome
  if (heavy(clause_.left)) return;  // "a drug that ..."
  Clause next;
  next.negation_pending = clause_.negation_pending;
  next.negation = clause_.negation;
  next.hedged = clause_.hedged;
  next.unknown = clause_.unknown;
  clause_ = std::move(next);
}

void Reader::preposition(const Item& item) {
  Effect* const effect = open();
  const std::string& word = item.text;
  const bool who = is_one_of(word, {"in", "among", "amongst", "during", "within", "across"});
  if (!effect) {
    if (who && !heavy(clause_.left)) clause_.slot = Slot::setting;
    return;
  }
  clause_.preposition = true;
  if (clause_.slot == Slot::comparator &&
      is_one_of(word, {"in", "for", "at", "on", "regarding", "concerning", "among"})) {
    clause_.slot = effect->outcome.empty() ? Slot::main : Slot::setting;
    return;
  }
  if (!clause_.gap && effect->comparing && word == "to") {
    clause_.slot = Slot::comparator;
    return;
  }
  if (word == "between") {
    clause_.slot = effect->agent.empty() || effect->inherited ? Slot::cause : clause_.slot;
    clause_.between = clause_.slot == Slot::cause && !effect->outcome.empty();
    // "no association between A and B": A is the agent, B the outcome.
    if (clause_.slot == Slot::cause && effect->outcome.empty()) clause_.between = false;
    return;
  }
  if (effect->outcome.empty() && !clause_.observed) return;
  if (who)
    clause_.slot = effect->outcome.empty() ? Slot::main : Slot::setting;
  else if (is_one_of(word,
                     {"with", "by", "after", "following", "from", "under", "through", "due", "because"}) &&
           clause_.slot == Slot::main && (effect->agent.empty() || effect->inherited))
    clause_.slot = Slot::cause;
}

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

// Words that are effects elsewhere and only describe here. True when the word has been dealt with.
bool Reader::describes(std::size_t at) {
  const Item& item = items_[at];
  const bool compound = at > 0 && items_[at - 1].joined;  // "dose-dependent", not "non-inferior"
  const auto as_content = [&] { content(item, Entry{.concept_id = concept_of(item.text), .weight = .5F}); };
  if (at + 2 < items_.size() && items_[at + 1].text == "than" && items_[at + 2].kind == TokenKind::number)
    return true;
  if ((compound && items_[at - 1].text != "non") || (clause_.slot == Slot::setting && clause_.open >= 0))
    return as_content(), true;
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
  clause_.slot = Slot::main;
  clause_.negation_pending = clause_.statistical = clause_.reported = clause_.observed = false;
  clause_.gap = clause_.joined = clause_.preposition = clause_.between = false;
}

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
  if (!effect->agent.empty()) last_agent_ = effect->agent;
}

// A negation that met no effect after it: "... was not observed", "... but not stroke", or about no effect at
// all.
void Reader::resolve_negation() {
  if (!clause_.negation_pending) return;
  const bool any = claim_.effects.size() > first_of_sentence_;
  const bool more = heavy(clause_.after_negation);
  if (any && (clause_.reported || !more)) {
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
    claim_.negated = !claim_.negated;
    claim_.negation = clause_.negation;
  }
  clause_.negation_pending = false;
}

void Reader::end_clause() {
  Effect* const effect = open();
  if (effect) {
    effect->hedged |= clause_.hedged;
    effect->unknown |= clause_.unknown;
  }
  resolve_negation();
  close_effect();
  // "It is uncertain; ..." or "Whether X ... is unknown": said of the sentence's last effect.
  if (clause_.unknown && clause_.open < 0 && claim_.effects.size() > first_of_sentence_)
    claim_.effects.back().unknown = true;
  const bool pronoun = clause_.pronoun && clause_.open < 0;
  clause_ = Clause{};
  clause_.pronoun = pronoun;
}

}  // namespace medsynth::contradiction
