#include "medsynth/contradiction/arms.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace medsynth::contradiction {
namespace {

Words between(std::span<const Word> words, std::size_t from, std::size_t to) {
  Words found;
  for (const Word& word : words)
    if (word.span.begin >= from && word.span.end <= to) found.push_back(word);
  return found;
}

// The first token at or behind a byte.
std::size_t token_at(const std::vector<Token>& tokens, std::size_t byte) {
  const auto at = std::find_if(tokens.begin(), tokens.end(),
                               [&](const Token& token) { return token.span.begin >= byte; });
  return static_cast<std::size_t>(at - tokens.begin());
}

// "9% of infants who", "8.4 kg in the ...": the arm stands behind its number.
bool arm_follows(const std::vector<Token>& tokens, const Quantity& number) {
  for (std::size_t at = token_at(tokens, number.span.end), end = at + 4; at < end && at < tokens.size(); ++at)
    for (std::string_view word : {"in", "of", "among", "with", "for", "on", "under", "after"})
      if (tokens[at].text == word) return true;
  return false;
}

// Where the last comma or colon before a byte ends; `otherwise` when there is none.
std::size_t after_comma(const std::vector<Token>& tokens, std::size_t from, std::size_t byte,
                        std::size_t otherwise) {
  std::size_t found = otherwise;
  for (const Token& token : tokens) {
    if (token.span.begin < from) continue;
    if (token.span.end > byte) break;
    if (token.text == "," || token.text == ":") found = token.span.end;
  }
  return found;
}

// "placebo", "the control group", "usual care": what tells arms from a list of findings.
bool names_an_arm(const Words& words) {
  return std::any_of(words.begin(), words.end(), [](const Word& word) {
    for (std::string_view name :
         {"placebo", "treatment", "patient", "control", "care", "comparator", "surgery"})
      if (word.concept_id == concept_of(name)) return true;
    return false;
  });
}

}  // namespace

std::optional<Effect> compare_arms(const std::vector<Token>& tokens, std::span<const Word> words,
                                   std::span<const Quantity> numbers, std::span<const PValue> p_values) {
  const Quantity *first = nullptr, *second = nullptr;
  for (const Quantity& each : numbers) {
    const bool compares =
        each.kind == Kind::percent || each.kind == Kind::months || each.kind == Kind::amount;
    if (!compares || each.low != each.high) continue;
    if (!first)
      first = &each;
    else if (!second && each.kind == first->kind && !between(words, first->span.end, each.span.begin).empty())
      second = &each;
  }
  if (!first || !second || tokens.empty()) return std::nullopt;
  Effect effect;
  const std::size_t start = tokens.front().span.begin, end = tokens.back().span.end;
  if (arm_follows(tokens, *first)) {
    effect.outcome = between(words, start, first->span.begin);
    effect.agent = between(words, first->span.end, second->span.begin);
    effect.comparator = between(words, second->span.end, end);
  } else {
    const std::size_t arm = after_comma(tokens, start, first->span.begin, first->span.begin);
    effect.outcome = between(words, start, arm);
    effect.agent = between(words, arm, first->span.begin);
    effect.comparator = between(
        words, after_comma(tokens, first->span.end, second->span.begin, first->span.end), second->span.begin);
  }
  if (effect.outcome.empty() || effect.agent.empty() || !names_an_arm(effect.comparator)) return std::nullopt;
  // "survival" is less mortality: more of it is less of its concept.
  effect.outcome_less =
      std::any_of(effect.outcome.begin(), effect.outcome.end(), [](const Word& word) { return word.denied; });
  constexpr double kAlike = .1;  // of the larger
  const bool alike = std::abs(first->low - second->low) < kAlike * std::max(first->low, second->low);
  const bool chance = !p_values.empty() && !p_values.front().significant();
  effect.base = alike || chance ? kNone : first->low < second->low ? kLess : kMore;
  effect.cue = {first->span.begin, second->span.end};
  return effect;
}

}  // namespace medsynth::contradiction
