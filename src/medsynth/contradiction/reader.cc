#include "medsynth/contradiction/reader.h"

#include <algorithm>
#include <utility>

#include "medsynth/contradiction/frames.h"
#include "medsynth/contradiction/groups.h"

namespace medsynth::contradiction {

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

void Reader::sentence(std::vector<Item> items, bool question) {
  items_ = std::move(items);
  name_groups(items_);
  settle_frames(items_);
  part_clauses(items_);
  status_ = scopes(items_, question);
  first_of_sentence_ = claim_.effects.size();
  clause_ = Clause{};
  clause_.unknown = question;
  for (std::size_t at = 0; at < items_.size(); ++at) read(at);
  if (!items_.empty()) end_clause(items_.back().span.end);
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
  const bool was_be = clause_.be;
  clause_.ellipsis = is_one_of(item.text, {"did", "does", "do"});
  switch (item.entry.role) {
    case Role::content:
      content(item, item.entry);
      break;
    case Role::effect:
      clause_.be = was_be;
      effect(at);
      break;
    case Role::negation:
      if (ends_comparison(items_, at) || of_comparator()) return;
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
      end_clause(item.span.begin);
      break;
    case Role::versus:
      clause_.slot = Slot::comparator;
      break;
    case Role::receiving:
      if (clause_.slot == Slot::setting) clause_.slot = clause_.open < 0 ? Slot::main : Slot::cause;
      break;
    case Role::observed:
    case Role::significant:
      return observed(item.entry.role == Role::significant);
    case Role::flip:
      flip(at);
      break;
    case Role::pronoun:
      clause_.subject = clause_.pronoun = true;
      break;
    case Role::that:
      that(at);
      break;
    case Role::dose:
      claim_.doses.push_back({concept_of(item.text), 1, 0, item.span});
      break;
    case Role::stop:
      if (item.text == "as" && clause_.open >= 0 && clause_.as_much) clause_.slot = Slot::comparator;
      return develops(at);
  }
  clause_.be = false;
}

// "than no treatment", "than people who did not drink it": says whom it is compared with. A conjunction
// starts a new predicate: "superior to placebo and did not ...".
bool Reader::of_comparator() const {
  return clause_.slot == Slot::comparator && clause_.open >= 0 && !clause_.joined;
}

// "was (not) observed", "was (not) significant": what is denied was said before.
void Reader::observed(bool significant) {
  if (!significant) clause_.observed = true;
  if (clause_.negation_pending && clause_.after_negation.empty()) clause_.reported = true;
  if (significant) clause_.statistical = clause_.negation_pending;
}

// "deficiency", "cessation", "lack of": less of what it stands with, or a denial of what follows.
void Reader::flip(std::size_t at) {
  const Item& item = items_[at];
  const bool null_allele = item.text == "null" && at > 0 && items_[at - 1].joined;
  if (item.text == "null" && !null_allele) return;
  if (is_one_of(item.text, {"lack", "absence"}) && says_something_next(at)) return negation(item);
  if (clause_.slot == Slot::main) turn_round();
  content(item, Entry{.concept_id = concept_of(item.text), .weight = .25F});
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

// "Mice lacking X developed Y": what the lack of X leads to, without a verb of effect.
void Reader::develops(std::size_t at) {
  const bool shows =
      is_one_of(items_[at].text, {"developed", "develop", "showed", "show", "exhibited", "had"});
  if (!shows || !clause_.left_less || clause_.open >= 0 || clause_.negation_pending) return;
  items_[at].entry = Entry{.role = Role::effect, .weight = 0, .outcomes = kMore, .carrier = true};
  effect(at);
}

// The agent, or the outcome, being read is one that there is less of.
void Reader::turn_round() {
  bool& less = clause_.open >= 0 ? open()->outcome_less : clause_.left_less;
  less = !less;
}

void Reader::content(const Item& item, const Entry& entry) {
  if (claim_.words.size() >= kMaxWords) return;
  Word word{entry.concept_id, entry.weight, entry.sentiment, item.span};
  const Status& status = status_[static_cast<std::size_t>(&item - items_.data())];
  word.denied = status.denied != entry.inverse;
  word.of_family = status.of_family;
  word.past = status.past;
  word.hypothetical = status.hypothetical;
  word.group = entry.group;
  if (entry.inverse && clause_.slot == Slot::main) turn_round();
  claim_.words.push_back(word);
  target().push_back(word);
  if (entry.parent != 0) {
    Word parent = word;
    parent.concept_id = entry.parent;
    parent.weight = entry.weight * kParentWeight;
    parent.genus = true;
    claim_.words.push_back(parent);
    target().push_back(parent);
  }
  if (clause_.negation_pending) clause_.after_negation.push_back(word);
  clause_.subject = true;
  clause_.joined = false;
  if (entry.weight >= kHeavy && (clause_.slot == Slot::main || clause_.slot == Slot::cause))
    clause_.gap = true;
}

void Reader::negation(const Item& item) {
  const std::size_t at = static_cast<std::size_t>(&item - items_.data());
  // "Mice without interferon", "patients without obesity": who they are, no denial of what follows.
  const bool of_subject = item.text == "without" && clause_.open < 0 && !clause_.left.empty() &&
                          clause_.slot == Slot::main && !clause_.negation_pending && at + 1 < items_.size() &&
                          items_[at + 1].entry.role == Role::content;
  if (of_subject) return turn_round();
  // "differed little between": of the effect before.
  if (item.text == "little" && clause_.open >= 0 && !clause_.gap && !clause_.negation_pending) {
    open()->negated = !open()->negated;
    open()->negation = item.span;
    return;
  }
  const bool little_or = at > 1 && items_[at - 1].text == "or" && items_[at - 2].text == "little";
  const bool again = (little_or || is_one_of(item.text, {"nor", "neither"})) && clause_.negation_pending;
  if (again) return;
  // A second negation before the effect takes the first one back: "did not fail to".
  clause_.negation_pending = !clause_.negation_pending;
  clause_.statistical = is_one_of(item.text, {"nonsignificant", "insignificant"});
  clause_.reported = clause_.statistical;
  clause_.after_negation.clear();
  clause_.negation = item.span;
  at_start_ = at == 0 && item.text == "without";
  if (item.text == "without") clause_.joined = true;  // "worked without increasing ...": a second effect
}

void Reader::symbol(const Item& item) {
  if (item.text == ";" || item.text == ":") return end_clause(item.span.begin);
  if (item.text != ",") return;
  clause_.joined = true;
  // "Without exception, ...": it denies nothing that follows.
  if (clause_.negation_pending && clause_.open < 0 && clause_.negation &&
      clause_.negation->end - clause_.negation->begin == std::string_view("without").size() && at_start_)
    clause_.negation_pending = false;
  if (clause_.slot == Slot::setting || clause_.slot == Slot::comparator) {
    clause_.slot = Slot::main;
    // "Compared with placebo, ...", "In women, ...": what came before is no subject.
    if (clause_.open < 0 && clause_.left.empty()) clause_.subject = false;
  }
}

// "We found that ...": the sentence proper begins; negations and hedges before it concern it.
void Reader::that(std::size_t at) {
  // "..., showing that X is essential": another finding.
  const bool concludes =
      at > 0 &&
      is_one_of(items_[at - 1].text, {"showing", "shows", "suggesting", "suggests", "indicating", "indicates",
                                      "demonstrating", "confirming", "confirms", "concluded"});
  if (concludes && clause_.open >= 0) return end_clause(items_[at].span.begin);
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
    if (clause_.head_end == 0 && heavy(clause_.left) && (who || is_one_of(word, {"of", "for", "with"})))
      clause_.head_end = item.span.begin;
    return;
  }
  clause_.preposition = true;
  const std::size_t at = static_cast<std::size_t>(&item - items_.data());
  // "than in the treatment group": still what it is compared with.
  if (clause_.slot == Slot::comparator && !heavy(effect->comparator) && word != "of") return;
  if (clause_.slot == Slot::comparator &&
      is_one_of(word, {"in", "for", "at", "on", "regarding", "concerning", "among", "to"})) {
    clause_.slot = effect->outcome.empty() ? Slot::main : Slot::setting;
    return;
  }
  if (!clause_.gap &&
      (effect->comparing ? word == "to" && !is_one_of(items_[at - 1].text, {"better", "worse"})
                         : word == "from" && effect->axis == Axis::relation)) {
    clause_.slot = Slot::comparator;
    return;
  }
  if (word == "between") {
    // "no association between A and B", "no difference between A and B in ...": A is the agent, B the
    // comparator, or the outcome where there is no other (close_effect).
    clause_.slot = effect->agent.empty() || effect->inherited ? Slot::cause : clause_.slot;
    clause_.between = clause_.slot == Slot::cause;
    return;
  }
  if (word == "by" && at + 1 < items_.size() && items_[at + 1].kind == TokenKind::number) return;
  // "was lower in women", "was reduced by aspirin": the arm follows, what was said before is the outcome.
  if (!clause_.gap && !clause_.preposition_seen && word == "by" && clause_.passive)
    effect->arm_follows = true;
  if (!clause_.gap && clause_.predicative && !clause_.preposition_seen)
    effect->arm_follows = who || is_one_of(word, {"with", "by", "after", "following", "for", "on", "under"});
  clause_.preposition_seen = true;
  if (effect->outcome.empty() && !clause_.observed) return;
  if (who)
    clause_.slot = effect->outcome.empty() ? Slot::main : Slot::setting;
  else if (is_one_of(word,
                     {"with", "by", "after", "following", "from", "under", "through", "due", "because"}) &&
           clause_.slot == Slot::main && (effect->agent.empty() || effect->inherited))
    clause_.slot = Slot::cause;
}

}  // namespace medsynth::contradiction
