// Why a verdict is what it is: made from what decided, so that it can never say the opposite.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "medsynth/base/text.h"
#include "medsynth/contradiction/judge.h"
#include "medsynth/contradiction/verdict.h"

namespace medsynth::contradiction {
namespace {

using Finding = Polarity::Finding;

// Features that one and the same ground fills in.
constexpr std::string_view kDirection =
    "opposed prevails loosely_opposed agent_opposed direction covered_direction evidence_opposed "
    "evidence_loosely evidence_direction evidence_agent";
constexpr std::string_view kDenial =
    "denied denied_effect antonyms finding negation covered_negation outcome_negation evidence_negation "
    "evidence_denied";

constexpr std::string_view kLanguageModel =
    "language_model language_model_used evidence_language_model evidence_language_model_used";
constexpr std::string_view kEntailment =
    "entailment entailment_used evidence_entailment evidence_entailment_used";

// What the features of a ground add to the log odds of a contradiction.
class Weights {
 public:
  Weights(const Judgement& judgement, const Combination& combination) {
    described::for_each_member<Features>([&](std::string_view name, auto pointer) {
      const auto weight = combination.weights.find(std::string(name));
      if (weight != combination.weights.end()) added_[name] = weight->second * judgement.features.*pointer;
    });
  }
  double of(std::string_view features) const {
    double sum = 0;
    while (!features.empty()) {
      const std::size_t end = std::min(features.find(' '), features.size());
      if (const auto found = added_.find(features.substr(0, end)); found != added_.end())
        sum += found->second;
      features.remove_prefix(std::min(end + 1, features.size()));
    }
    return sum;
  }

 private:
  std::map<std::string_view, double> added_;
};

std::string quoted(std::string_view text, Span span) {
  constexpr std::size_t kLongest = 60;  // bytes
  return fmt::format("\"{}\"", printable(excerpt(text, span, kLongest)));
}

std::string both_say(const Judgement& judgement, const Sides& sides) {
  const Polarity& polarity = judgement.polarity;
  return fmt::format("claim 1 has {}, claim 2 has {}", said(sides.claim1, polarity.effect1, sides.text1),
                     said(sides.claim2, polarity.effect2, sides.text2));
}

// "population: men (claim 1), women (claim 2)"
std::string context_of(const Judgement& judgement) {
  std::string out;
  for (const Difference& difference : judgement.polarity.differences) {
    if (!out.empty()) out += "; ";
    out += describe(difference);
  }
  return printable(out);
}

// What makes the two claims exclude each other, the weightiest ground.
std::string ground(const Judgement& judgement, const Sides& sides, const Weights& weights) {
  const Polarity& polarity = judgement.polarity;
  const double directions = weights.of(kDirection), denials = weights.of(kDenial);
  const double numbers = std::max(weights.of("statistical"), 0.0),
               times = std::max(weights.of("temporal"), 0.0);
  const double language = weights.of(kLanguageModel), entailment = weights.of(kEntailment);
  const double most = std::max({directions, denials, numbers, times, language, entailment});
  if (most > 0 && language == most) return "the language model judged so, more clearly than the words";
  if (most > 0 && entailment == most) return "the entailment model judged so, more clearly than the words";
  const auto lower = [](std::string text) {
    if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
    if (text.ends_with('.')) text.pop_back();
    return text;
  };
  if (most > 0 && numbers == most) return lower(explain(judgement.statistical, sides));
  if (most > 0 && times == most) return lower(explain(judgement.temporal, sides));
  const bool opposed = polarity.finding == Finding::opposed;
  if (!polarity.assertions.conflicts.empty() && (denials >= directions || !opposed)) {
    const Assertions::Met& met = polarity.assertions.conflicts.front();
    return fmt::format("one asserts what the other one denies or rules out: {} and {}",
                       quoted(sides.text1, met.first), quoted(sides.text2, met.second));
  }
  if (opposed)
    return fmt::format("they speak of {} thing in opposite directions: {}",
                       polarity.topic >= .6 ? "the same" : "perhaps the same", both_say(judgement, sides));
  if (judgement.features.loosely_opposed > 0 || judgement.features.direction > 0)
    return fmt::format("what they say of related things points in opposite directions: {}",
                       both_say(judgement, sides));
  return fmt::format("one denies what the other one asserts: {}", both_say(judgement, sides));
}

// What allows both.
std::string room_for_both(const Judgement& judgement, const Sides& sides) {
  const Polarity& polarity = judgement.polarity;
  const Features& features = judgement.features;
  if (polarity.finding == Finding::identical) return "they say the same in the same words";
  if (judgement.apart)
    return fmt::format("they do not speak of the same people or things ({})", context_of(judgement));
  if (polarity.finding == Finding::unrelated && features.denied + features.antonyms < .2)
    return "they are not about the same thing, for they share too few of the words for agent and outcome";
  if (!polarity.differences.empty())
    return fmt::format("they speak of different situations ({})", context_of(judgement));
  if (features.hedged > 0 && polarity.finding != Finding::agrees)
    return fmt::format("what is only possible does not rule out the other: {}", both_say(judgement, sides));
  if (polarity.finding == Finding::agrees)
    return fmt::format("they point the same way, or one leaves room for the other: {}",
                       both_say(judgement, sides));
  if (polarity.finding == Finding::undecided)
    return fmt::format("neither settles what the other one says: {}", both_say(judgement, sides));
  return fmt::format("what they have in common is too little for one to rule out the other: {}",
                     both_say(judgement, sides));
}

// What would have to be known.
std::string missing(const Judgement& judgement, const Sides& sides) {
  const Polarity& polarity = judgement.polarity;
  const std::string_view first = sides.claim1.language, second = sides.claim2.language;
  if (!first.empty() || !second.empty())
    return fmt::format("{} not in English (it looks like {}), and the analysis reads English only",
                       first.empty()    ? "claim 2 is"
                       : second.empty() ? "claim 1 is"
                                        : "both claims are",
                       first.empty() ? second : first);
  if (polarity.finding == Finding::unread) return "there are no words that could be compared";
  if ((polarity.effect1 && polarity.effect1->unknown) || (polarity.effect2 && polarity.effect2->unknown))
    return "one of them leaves open whether there is an effect";
  if (!polarity.differences.empty())
    return fmt::format("whether they speak of the same situation is not said ({})", context_of(judgement));
  if (judgement.features.hedged > 0)
    return fmt::format("one of them says only what is possible, not what is: {}", both_say(judgement, sides));
  if (std::max(polarity.topic, polarity.words) < .6)
    return "they share only a part of agent and outcome, and whether they mean the same thing is not said";
  return fmt::format("the signs for and against it are about as strong, and neither text says more: {}",
                     both_say(judgement, sides));
}

}  // namespace

std::string explain(const Judgement& judgement, const Sides& given, const Combination& combination,
                    jobs::Verdict verdict) {
  const Sides sides = judgement.seen(given);
  switch (verdict) {
    case jobs::Verdict::contradiction: {
      std::string out = fmt::format("The claims exclude each other: {}.",
                                    ground(judgement, sides, Weights(judgement, combination)));
      if (!judgement.polarity.differences.empty())
        out += fmt::format(" Their context differs ({}), which makes it less sure.", context_of(judgement));
      return out;
    }
    case jobs::Verdict::no_contradiction:
      return fmt::format("The claims can both hold: {}.", room_for_both(judgement, sides));
    case jobs::Verdict::uncertain:
      break;
  }
  return fmt::format("It stays open whether the claims contradict each other: {}.",
                     missing(judgement, sides));
}

std::string explain(const Judgement& judgement, const Sides& sides) {
  const Combination& combination = built_in_combination();
  return explain(judgement, sides, combination,
                 verdict_of(score_of(judgement, combination), combination.uncertain));
}

}  // namespace medsynth::contradiction
