#include "medsynth/contradiction/findings/statements.h"

#include <algorithm>

#include "medsynth/contradiction/claim.h"
#include "medsynth/contradiction/findings/denials.h"
#include "medsynth/contradiction/findings/properties.h"

namespace medsynth::contradiction {
namespace {

// The terms that stand in the spans of `words`.
Terms terms_in(const Words& words, const Terms& all) {
  Terms found;
  for (const Term& term : all)
    if (std::any_of(words.begin(), words.end(), [&](const Word& word) {
          return term.span.begin >= word.span.begin && term.span.end <= word.span.end;
        }))
      found.push_back(term);
  return found;
}

bool says_something(const Terms& terms) {
  constexpr float kLeast = .1F;
  return std::any_of(terms.begin(), terms.end(), [](const Term& term) { return term.worth >= kLeast; });
}

Direction direction_of(Outcomes allowed, Axis axis) {
  if ((allowed & kNone) != 0)
    return axis == Axis::relation ? Direction::not_associated : Direction::no_difference;
  if (allowed == (kLess | kMore)) return Direction::associated;
  const bool more = allowed == kMore;
  if (axis == Axis::benefit || axis == Axis::safety) return more ? Direction::better : Direction::worse;
  return more ? Direction::more : Direction::less;
}

Finding finding_of(const Effect& effect, const Terms& all, Span sentence) {
  Finding finding;
  finding.exposure = terms_in(effect.agent, all);
  finding.outcome = terms_in(effect.outcome, all);
  finding.comparator = terms_in(effect.comparator, all);
  finding.population = terms_in(effect.setting, all);
  finding.allowed = effect.unknown ? kAny : effect.outcomes();
  if (effect.carrier && effect.soft && !effect.negated && finding.allowed == kMore)
    finding.allowed = kLess | kMore;
  finding.benefit = effect.axis == Axis::benefit;
  finding.symmetric = effect.axis == Axis::relation;
  finding.hedged = effect.hedged;
  finding.statistical = effect.statistical;
  finding.direction = direction_of(finding.allowed, effect.axis);
  finding.cue = effect.cue;
  finding.negation = effect.negation;
  finding.sentence = sentence;
  finding.section = Section::claim;
  return finding;
}

}  // namespace

std::vector<Finding> read_statement(std::string_view claim, const Terms& topic) {
  std::vector<Finding> found;
  Abbreviations abbreviations;
  const std::vector<Span> parts = sentences(claim);
  for (const Span& part : parts) abbreviations.learn(tokens(claim, part));
  for (const Span& part : parts)
    for (Finding& finding : read_findings(claim, {part, Section::claim}, abbreviations, topic))
      found.push_back(std::move(finding));
  if (parts.empty()) return found;
  if (found.empty()) {
    for (const Span& part : parts)
      for (Finding& finding : read_properties(claim, part, abbreviations))
        if (found.size() < kMaxFindingsPerSentence && says_something(finding.exposure))
          found.push_back(std::move(finding));
  }
  const Span whole{parts.front().begin, parts.back().end};
  const Terms all = read_terms(claim, whole, abbreviations);
  const auto complete = [&] {
    for (Finding& finding : found) finding.words = all;
    for (const Span& part : parts) find_denials(claim, part, found);
  };
  complete();
  if (!found.empty()) return found;
  const Claim read = read_claim(claim);
  for (const Effect& effect : read.effects) {
    Finding finding = finding_of(effect, all, whole);
    if (found.size() < kMaxFindingsPerSentence && says_something(finding.exposure) &&
        says_something(finding.outcome))
      found.push_back(std::move(finding));
  }
  complete();
  if (!found.empty() || all.empty()) return found;
  Finding statement;
  statement.outcome = all;
  statement.sentence = statement.cue = whole;
  statement.section = Section::claim;
  statement.unclear = true;
  found.push_back(std::move(statement));
  complete();
  return found;
}

}  // namespace medsynth::contradiction
