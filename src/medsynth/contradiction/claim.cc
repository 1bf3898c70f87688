#include "medsynth/contradiction/claim.h"

#include <algorithm>
#include <charconv>

#include "medsynth/contradiction/reader.h"

namespace medsynth::contradiction {
namespace {

std::string_view text_at(const std::vector<Token>& tokens, std::size_t at) {
  return at < tokens.size() ? std::string_view(tokens[at].text) : std::string_view();
}

Unit unit_of(const std::vector<Token>& tokens, std::size_t at, double value) {
  const std::string_view next = text_at(tokens, at + 1);
  const std::string_view before = at > 0 ? text_at(tokens, at - 1) : "";
  const std::string_view earlier = at > 1 ? text_at(tokens, at - 2) : "";
  if (next == "%" || next == "percent" || next == "per") {
    return text_at(tokens, at + 2) == "ci" || text_at(tokens, at + 2) == "confidence" ? Unit::statistic
                                                                                      : Unit::percent;
  }
  if (is_one_of(next, {"mg", "ug", "mcg", "g", "ml", "iu", "units", "mmol", "kg"})) return Unit::dose;
  if (is_one_of(before, {"aged", "age", "over"}) || is_one_of(text_at(tokens, at + 2), {"old", "age"}))
    return Unit::age;
  if (is_one_of(next, {"day", "days", "week", "weeks", "month", "months", "year", "years", "hours", "hour"}))
    return Unit::duration;
  if (is_one_of(before, {"=", "<", ">"}) && is_one_of(earlier, {"p", "n", "ci", "or", "rr", "hr"}))
    return Unit::statistic;
  if (is_one_of(before, {"or", "rr", "hr", "n", "p"})) return Unit::statistic;
  const bool year = value >= 1900 && value <= 2100 && tokens[at].text.size() == 4;
  return year ? Unit::year : Unit::plain;
}

}  // namespace

std::vector<Measure> read_measures(const std::vector<Token>& tokens) {
  std::vector<Measure> found;
  for (std::size_t at = 0; at < tokens.size() && found.size() < kMaxEffects; ++at) {
    const Token& token = tokens[at];
    if (token.kind != TokenKind::number) continue;
    double value = 0;
    const auto [end, error] =
        std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
    if (error == std::errc{}) found.push_back({value, unit_of(tokens, at, value), token.span});
  }
  return found;
}

Outcomes Effect::outcomes() const {
  if (unknown) return kAny;
  Outcomes set = base;
  if (negated) set = axis == Axis::relation ? kNone : static_cast<Outcomes>(kAny & ~base);
  // A benefit stays one whatever it is good for: "improves survival", "effective in iron deficiency".
  const bool less = outcome_less && (axis == Axis::quantity || axis == Axis::relation);
  return agent_less != less ? opposite(set) : set;
}

namespace {

// "no longer", "previously": the claim sets now against then.
bool speaks_of_the_past(const std::vector<Token>& words) {
  for (std::size_t at = 0; at < words.size(); ++at)
    if (is_one_of(words[at].text, {"previously", "formerly", "historically"}) ||
        (words[at].text == "longer" && at > 0 && words[at - 1].text == "no"))
      return true;
  return false;
}

// In order of concept, each once: what compares lists of words expects it so.
void arrange(Words& words) {
  std::sort(words.begin(), words.end(), [](const Word& a, const Word& b) {
    return a.concept_id != b.concept_id ? a.concept_id < b.concept_id : a.span.begin < b.span.begin;
  });
  words.erase(std::unique(words.begin(), words.end(),
                          [](const Word& a, const Word& b) { return a.concept_id == b.concept_id; }),
              words.end());
}

}  // namespace

Claim read_claim(std::string_view text) {
  Claim claim;
  Reader reader(claim);
  for (const Span& sentence : sentences(text)) {
    const std::vector<Token> words = tokens(text, sentence);
    for (const Measure& measure : read_measures(words))
      if (claim.measures.size() < kMaxEffects) claim.measures.push_back(measure);
    claim.historical |= speaks_of_the_past(words);
    reader.sentence(look_up(words));
    if (claim.words.size() >= kMaxWords || claim.effects.size() >= kMaxEffects) break;
  }
  for (Effect& effect : claim.effects)
    for (Words* words : {&effect.agent, &effect.outcome, &effect.comparator, &effect.setting})
      arrange(*words);
  arrange(claim.words);
  arrange(claim.doses);
  return claim;
}

}  // namespace medsynth::contradiction
