#include "medsynth/contradiction/claim.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

#include "medsynth/contradiction/abbreviations.h"
#include "medsynth/contradiction/arms.h"
#include "medsynth/contradiction/fields.h"
#include "medsynth/contradiction/language.h"
#include "medsynth/contradiction/reader.h"
#include "medsynth/contradiction/readings.h"

namespace medsynth::contradiction {
namespace {

std::string_view text_at(const std::vector<Token>& tokens, std::size_t at) {
  return at < tokens.size() ? std::string_view(tokens[at].text) : std::string_view();
}

// The number at `at`, of `size` tokens, in the unit that stands with it.
Measure measure_of(const std::vector<Token>& tokens, std::size_t at, std::size_t size, double value) {
  Measure out{value, Unit::plain, {tokens[at].span.begin, tokens[at + size - 1].span.end}};
  const std::size_t next_at = at + size;
  const std::string_view next = text_at(tokens, next_at);
  const std::string_view before = at > 0 ? text_at(tokens, at - 1) : "";
  const std::string_view earlier = at > 1 ? text_at(tokens, at - 2) : "";
  const auto is = [&](Unit unit) { return out.unit = unit, out; };
  if (next == "%" || next == "percent" || next == "per") {
    const std::string_view of = text_at(tokens, next_at + 1);
    return is(of == "ci" || of == "confidence" ? Unit::statistic : Unit::percent);
  }
  const auto unit = unit_at(tokens, next_at, value);
  const bool time = unit && unit->dimension == Dimension::time;
  if (unit && !time) {
    out.value = value * unit->factor + unit->offset;
    return is(Unit::dose);
  }
  if (is_one_of(before, {"aged", "age", "over"}) || is_one_of(text_at(tokens, next_at + 1), {"old", "age"}))
    return is(Unit::age);
  if (time) {
    out.value = value * unit->factor;
    return is(Unit::duration);
  }
  if (is_one_of(before, {"=", "<", ">"}) && is_one_of(earlier, {"p", "n", "ci", "or", "rr", "hr"}))
    return is(Unit::statistic);
  if (is_one_of(before, {"or", "rr", "hr", "n", "p"})) return is(Unit::statistic);
  const bool year = value >= 1900 && value <= 2100 && tokens[at].text.size() == 4;
  return is(year ? Unit::year : Unit::plain);
}

}  // namespace

std::vector<Measure> read_measures(const std::vector<Token>& tokens) {
  std::vector<Measure> found;
  for (std::size_t at = 0; at < tokens.size() && found.size() < kMaxEffects; ++at) {
    const Token& token = tokens[at];
    if (const Spelled spelled = spelled_number(tokens, at); spelled.tokens > 0) {
      const Measure measure = measure_of(tokens, at, spelled.tokens, spelled.value);
      if (measure.unit == Unit::duration || measure.unit == Unit::dose) found.push_back(measure);
      continue;
    }
    if (token.kind != TokenKind::number) continue;
    double value = 0;
    const auto [end, error] =
        std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
    if (error == std::errc{}) found.push_back(measure_of(tokens, at, 1, value));
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

// "Previous studies suggested ...", "it is widely used": what others hold, not what was found here.
bool is_background(const std::vector<Token>& words) {
  return std::any_of(words.begin(), words.end(), [](const Token& word) {
    return is_one_of(word.text, {"previous", "previously", "earlier", "suggested", "thought", "believed",
                                 "hypothesized", "hypothesised", "hoped", "recommended", "debated",
                                 "observational", "aim", "aimed", "objective", "purpose"});
  });
}

}  // namespace

void arrange(Words& words) {
  std::sort(words.begin(), words.end(), [](const Word& a, const Word& b) {
    return std::tuple(a.concept_id, a.genus, a.span.begin) < std::tuple(b.concept_id, b.genus, b.span.begin);
  });
  words.erase(std::unique(words.begin(), words.end(),
                          [](const Word& a, const Word& b) { return a.concept_id == b.concept_id; }),
              words.end());
}

namespace {

// "relative risk of X with Y 1.00 (0.93 to 1.08)" is an effect although no word says so, and "associated
// with" has a direction when a ratio stands beside it.
void add_estimate(Claim& claim, std::size_t estimate, std::size_t first_effect, std::size_t first_word) {
  const Estimate& found = claim.numbers.estimates[estimate];
  Outcomes direction = found.value < found.none() ? kLess : kMore;
  // Not told apart from no effect: none when it is near, else perhaps some.
  const double distance = found.ratio ? std::abs(std::log(found.value)) : found.value;
  constexpr double kNear = .15;
  if (found.value == found.none() || (found.significant() == false && (!found.ratio || distance < kNear)))
    direction = kNone;
  else if (found.significant() == false)
    direction |= kNone;
  for (std::size_t i = first_effect; i < claim.effects.size(); ++i) {
    Effect& effect = claim.effects[i];
    if (effect.soft && !effect.negated && found.ratio) effect.base = direction, effect.soft = false;
  }
  if (claim.effects.size() > first_effect || claim.effects.size() >= kMaxEffects) return;
  Effect effect;
  effect.base = direction;
  effect.outcome.assign(claim.words.begin() + static_cast<std::ptrdiff_t>(first_word), claim.words.end());
  effect.cue = found.span;
  claim.effects.push_back(std::move(effect));
}

// "5.5 mmol/l", "half of": the unit and the share are no topic.
void hide_units(std::vector<Item>& items, std::span<const Quantity> quantities) {
  for (const Quantity& each : quantities) {
    if (each.dimension == Dimension::none && each.kind != Kind::percent) continue;
    for (Item& item : items)
      if (item.kind == TokenKind::word && item.entry.role == Role::content &&
          item.span.begin >= each.span.begin && item.span.end <= each.span.end)
        item.entry = Entry{.role = Role::stop, .weight = 0};
  }
}

}  // namespace

Claim read_claim(std::string_view text) {
  Claim claim;
  Reader reader(claim);
  Abbreviations abbreviations;
  LanguageVotes votes;
  for (const Span& sentence : sentences(text)) {
    const std::vector<Token> words = tokens(text, sentence);
    for (const Measure& measure : read_measures(words))
      if (claim.measures.size() < kMaxEffects) claim.measures.push_back(measure);
    claim.historical |= speaks_of_the_past(words);
    votes.add(words);
    const std::size_t effects = claim.effects.size(), topic = claim.words.size();
    const std::size_t estimates = claim.numbers.estimates.size(),
                      quantities = claim.numbers.quantities.size(), p_values = claim.numbers.p_values.size();
    read_quantities(words, claim.numbers);
    add_readings(words, claim.words);
    abbreviations.learn(words);
    std::vector<Item> items = look_up(order_fields(abbreviations.written_out(words)));
    hide_units(items, std::span(claim.numbers.quantities).subspan(quantities));
    reader.sentence(std::move(items), text[sentence.end - 1] == '?');
    const bool directed =
        std::any_of(claim.effects.begin() + static_cast<std::ptrdiff_t>(effects), claim.effects.end(),
                    [](const Effect& effect) { return effect.axis != Axis::relation; });
    if (!directed && claim.effects.size() < kMaxEffects)
      if (auto arms = compare_arms(words, std::span(claim.words).subspan(topic),
                                   std::span(claim.numbers.quantities).subspan(quantities),
                                   std::span(claim.numbers.p_values).subspan(p_values)))
        claim.effects.push_back(std::move(*arms));
    if (claim.numbers.estimates.size() > estimates) add_estimate(claim, estimates, effects, topic);
    const bool background = is_background(words);
    for (std::size_t i = effects; i < claim.effects.size(); ++i)
      claim.effects[i].background = background || claim.effects[i].hedged || claim.effects[i].unknown;
    if (claim.words.size() >= kMaxWords || claim.effects.size() >= kMaxEffects) break;
  }
  claim.language = votes.other();
  // What was found counts, not what was thought before.
  if (std::any_of(claim.effects.begin(), claim.effects.end(),
                  [](const Effect& effect) { return !effect.background; }))
    std::erase_if(claim.effects, [](const Effect& effect) { return effect.background && !effect.negated; });
  for (Effect& effect : claim.effects)
    for (Words* words : {&effect.agent, &effect.outcome, &effect.comparator, &effect.setting})
      arrange(*words);
  if (claim.clause_ends.size() > 1) claim.spoken = claim.words;
  arrange(claim.words);
  arrange(claim.doses);
  return claim;
}

}  // namespace medsynth::contradiction
