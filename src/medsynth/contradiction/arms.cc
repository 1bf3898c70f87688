#include "medsynth/contradiction/arms.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace medsynth::contradiction {
namespace {

bool any_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

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
    if (any_of(tokens[at].text, {"in", "of", "among", "with", "for", "on", "under", "after"})) return true;
  return false;
}

// "at 12 months", "for two years": when, not how much.
bool says_when(const std::vector<Token>& tokens, const Quantity& number) {
  const std::size_t at = token_at(tokens, number.span.begin);
  return number.kind == Kind::months && at > 0 &&
         any_of(tokens[at - 1].text, {"at", "after", "for", "within", "over", "during", "until", "to", "by"});
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
    for (std::string_view name : {"placebo", "sham", "control_group", "treatment", "patient", "control",
                                  "care", "comparator", "surgery"})
      if (word.concept_id == concept_of(name)) return true;
    return false;
  });
}

bool sets_against(const std::vector<Token>& tokens, std::size_t from, std::size_t to) {
  return std::any_of(tokens.begin(), tokens.end(), [&](const Token& token) {
    return token.span.begin >= from && token.span.end <= to &&
           any_of(token.text, {"versus", "vs", "v", "without"});
  });
}

// "4.1% after the one and 4.3% after the other"
bool alike_behind(const std::vector<Token>& tokens, const Quantity& first, const Quantity& second) {
  const auto preposition = [&](const Quantity& number) -> std::string_view {
    for (std::size_t at = token_at(tokens, number.span.end), end = at + 4; at < end && at < tokens.size();
         ++at)
      if (any_of(tokens[at].text, {"in", "among", "with", "after", "on", "under"})) return tokens[at].text;
    return {};
  };
  const std::string_view one = preposition(first);
  return !one.empty() && one == preposition(second);
}

struct Numbers {
  const Quantity *first = nullptr, *second = nullptr;
};

// The first two numbers of one kind with words between them.
Numbers two_numbers(const std::vector<Token>& tokens, std::span<const Word> words,
                    std::span<const Quantity> numbers) {
  for (const Kind kind : {Kind::percent, Kind::amount, Kind::months}) {
    Numbers found;
    for (const Quantity& each : numbers) {
      const bool bounded = each.low == each.high || each.low == 0;  // "less than 1%" is 1
      if (each.kind != kind || !bounded || says_when(tokens, each)) continue;
      if (!found.first)
        found.first = &each;
      else if (each.dimension == found.first->dimension &&
               !between(words, found.first->span.end, each.span.begin).empty()) {
        found.second = &each;
        return found;
      }
    }
  }
  return {};
}

// "... in the control group had died": the outcome stands at the end.
void take_outcome_from(Words& comparator, Effect& effect) {
  for (const Word& word : comparator)
    if (word.sentiment != 0) effect.outcome.push_back(word);
  std::erase_if(comparator, [](const Word& word) { return word.sentiment != 0; });
}

}  // namespace

std::optional<Effect> compare_arms(const std::vector<Token>& tokens, std::span<const Word> words,
                                   std::span<const Quantity> numbers, std::span<const PValue> p_values) {
  const auto [first, second] = two_numbers(tokens, words, numbers);
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
  // "In the X group 3 of 80 died, versus ...": the outcome stands behind the number.
  const auto tells = [](const Words& words_of_it) {
    return std::any_of(words_of_it.begin(), words_of_it.end(),
                       [](const Word& word) { return word.sentiment != 0; });
  };
  if (!effect.outcome.empty() && tells(effect.agent) && !tells(effect.outcome))
    std::swap(effect.agent, effect.outcome);
  // "Those on X had a recovery time of 10 days, as compared with 15 days on placebo."
  if (effect.agent.empty()) {
    effect.agent = effect.outcome;
    effect.outcome.clear();
    take_outcome_from(effect.agent, effect);
  }
  if (effect.outcome.empty()) take_outcome_from(effect.comparator, effect);
  if (effect.outcome.empty() || effect.agent.empty()) return std::nullopt;
  if (!names_an_arm(effect.comparator) && !names_an_arm(effect.agent) &&
      !sets_against(tokens, first->span.end, end) && !alike_behind(tokens, *first, *second))
    return std::nullopt;
  // "survival" is less mortality: more of it is less of its concept.
  effect.outcome_less =
      std::any_of(effect.outcome.begin(), effect.outcome.end(), [](const Word& word) { return word.denied; });
  constexpr double kAlike = .1;  // of the larger
  const bool alike = std::abs(first->high - second->high) < kAlike * std::max(first->high, second->high);
  const bool chance = !p_values.empty() && !p_values.front().significant();
  effect.base = alike || chance ? kNone : first->high < second->high ? kLess : kMore;
  // Control first: said the other way round.
  const auto is_control = [](const Words& arm) {
    return std::any_of(arm.begin(), arm.end(), [](const Word& word) {
      return word.concept_id == concept_of("placebo") || word.concept_id == concept_of("sham") ||
             word.concept_id == concept_of("control_group") || word.concept_id == concept_of("control");
    });
  };
  if (is_control(effect.agent) && !is_control(effect.comparator)) {
    std::swap(effect.agent, effect.comparator);
    effect.base = opposite(effect.base);
  }
  effect.cue = {first->span.begin, second->span.end};
  return effect;
}

}  // namespace medsynth::contradiction
