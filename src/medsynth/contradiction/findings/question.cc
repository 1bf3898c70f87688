#include "medsynth/contradiction/findings/question.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace medsynth::contradiction {
namespace {

double square(double x) {
  return x * x;
}

template <class Visit>
void each_shared(const Terms& a, const Terms& b, Visit visit) {
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (x->concept_id < y->concept_id)
      ++x;
    else if (y->concept_id < x->concept_id)
      ++y;
    else
      visit(*x++, *y++);
  }
}

double rarest(const Terms& a, const Terms& b) {
  double most = 0;
  each_shared(
      a, b, [&](const Term& x, const Term& y) { most = std::max(most, double{std::min(x.worth, y.worth)}); });
  return most;
}

double worth_shared(const Terms& a, const Terms& b) {
  double sum = 0;
  each_shared(a, b, [&](const Term& x, const Term& y) { sum += double{std::min(x.worth, y.worth)}; });
  return sum;
}

// The part of `terms`, by worth, that is among `words`.
double named(const Terms& terms, const Terms& words) {
  double all = 0, found = 0;
  for (const Term& term : terms) all += term.worth;
  each_shared(terms, words, [&](const Term& x, const Term&) { found += x.worth; });
  return all > 0 ? found / all : 1;
}

// Shared words that stand for opposites ("rural", "urban"): an odd number turns the direction round.
bool inverted(const Terms& a, const Terms& b) {
  bool odd = false;
  each_shared(a, b, [&](const Term& x, const Term& y) { odd ^= x.inverse != y.inverse; });
  return odd;
}

int sentiment_of(const Terms& terms) {
  double sum = 0;
  for (const Term& term : terms) sum += term.worth * (term.inverse ? -term.sentiment : term.sentiment);
  return sum > .1 ? 1 : sum < -.1 ? -1 : 0;
}

// What is allowed of more or less of the outcome, where it can be said.
struct Allowed {
  Outcomes set = kAny;
  bool known = true;
};
Allowed quantity_of(const Finding& finding, const Terms& outcome) {
  // A claim that says "a predictor of death", "associated with stroke" means more of what is bad. An abstract
  // that lists what is associated means any category of it.
  if (finding.section == Section::claim && finding.allowed == (kLess | kMore) && sentiment_of(outcome) < 0)
    return {kMore, true};
  if (!finding.benefit || finding.allowed == kNone) return {finding.allowed, true};
  const int good = sentiment_of(outcome);
  if (good == 0) return {finding.allowed, false};
  return {good > 0 ? finding.allowed : opposite(finding.allowed), true};
}

// "less than with B" of A, "more than with A" of B: one finding, said from its other end.
bool sides_swapped(const Finding& a, const Finding& b) {
  const double straight = likeness(a.exposure, b.exposure) + likeness(a.comparator, b.comparator);
  const double crossed = likeness(a.exposure, b.comparator) + likeness(a.comparator, b.exposure);
  return crossed > straight;
}

// Fitted on the fitting half of tests/literature/labels.jsonl (its README says how). Of the log odds that
// both answer one question: what the words are worth counts as far as exposure and outcome are alike, and
// what each of the two names that the other does not counts against it ("HIV infection", "HIV testing").
struct Weights {
  double intercept, both, shared, title, implied, other;
  double meaning, usual_meaning;           // the cosine at which the sentence model says neither
  double opposite, null, unclear, agrees;  // of a contradiction on one question
};
constexpr Weights kOfAbstracts{-2.6, .2, 1.75, .4, -.6, -1.4, 2.2, .45, .8, .65, .15, .03};

// Claims that were given as claims are about one thing each: whatever is read into them, all their words say
// what. Fitted on the sets to fit of tests/literature/questions.jsonl.
double log_odds_of_claims(const Meeting& meeting, double both, std::size_t words) {
  const double other = meeting.other_exposure + meeting.other_outcome;
  // In a claim of a few words the slots are read for sure, and there is nothing else to go by.
  constexpr double kShort = 7, kShortest = 5, kAnother = 5;
  const double brief = std::clamp((kShort - static_cast<double>(words)) / (kShort - kShortest), 0., 1.);
  const double x = -kAnother * brief * std::min(1., other) - (1.2 + 3 * brief) * meeting.unread;
  if (meeting.meaning > 0)
    return x - 8 + 5.9 * both + 3.4 * meeting.words + .3 * meeting.shared_words - .3 * other +
           12.6 * meeting.meaning;
  return x - 2.9 + 4.7 * both + 6.5 * meeting.words + 1.2 * meeting.shared_words - .7 * other;
}

// How probable it is that two claims on one question exclude each other: how often pairs of the three sets to
// fit did. Whether one of them alone denies (denials.h) says as much as the reading, and where the two part
// neither is believed. A direction is worth something only where both speak of the same slots.
double opposed_claims(Opposition opposition, bool one_denies, double both) {
  switch (opposition) {
    case Opposition::opposite:
      return one_denies ? .45 : .25 + .65 * both;
    case Opposition::null:
      return one_denies ? .97 : .8 - .15 * both;
    case Opposition::unclear:
      return one_denies ? .9 : .2;
    case Opposition::agrees:
      return one_denies ? .55 : .03;
  }
  return 0;
}

// A word of a list that a sentence has; lists of what makes studies differ.
struct Trait {
  std::string_view name;
  std::array<std::string_view, 8> words;
  std::string_view of(std::string_view text) const {
    for (std::string_view word : words)
      if (!word.empty() && text.find(word) != text.npos) return word;
    return {};
  }
};
constexpr std::array kTraits{
    Trait{"design",
          {"meta-analysis", "randomised", "randomized", "cohort", "case-control", "cross-sectional",
           "Mendelian", ""}},
    Trait{"species", {"mice", "rats", "pigs", "dogs", "cattle", "in vitro", "patients", "women"}},
    Trait{"sex", {"women", "girls", "females", "men ", "boys", "males", "", ""}},
    Trait{"follow-up", {"short-term", "long-term", "at baseline", "during follow-up", "", "", "", ""}},
};

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

}  // namespace

double likeness(const Terms& a, const Terms& b) {
  double shared = 0, of_a = 0, of_b = 0;
  for (const Term& term : a) of_a += square(term.worth);
  for (const Term& term : b) of_b += square(term.worth);
  each_shared(a, b, [&](const Term& x, const Term& y) { shared += double{x.worth} * y.worth; });
  return of_a > 0 && of_b > 0 ? shared / std::sqrt(of_a * of_b) : 0;
}

std::string words_of(const Terms& terms, std::string_view text) {
  std::vector<Span> spans;
  for (const Term& term : terms)
    if (term.span.end <= text.size()) spans.push_back(term.span);
  std::sort(spans.begin(), spans.end(), [](const Span& x, const Span& y) { return x.begin < y.begin; });
  spans.erase(std::unique(spans.begin(), spans.end()), spans.end());
  std::string out;
  for (const Span& span : spans) {
    if (!out.empty()) out += ' ';
    out += text.substr(span.begin, span.end - span.begin);
  }
  return out;
}

Terms joined(const Terms& a, const Terms& b) {
  Terms all;
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all),
             [](const Term& x, const Term& y) { return x.concept_id < y.concept_id; });
  all.erase(std::unique(all.begin(), all.end(),
                        [](const Term& x, const Term& y) { return x.concept_id == y.concept_id; }),
            all.end());
  return all;
}

Meeting meet(const Finding& a, const Finding& b, const Terms& title_a, const Terms& title_b) {
  Meeting meeting;
  meeting.exposure = likeness(a.exposure, b.exposure);
  meeting.outcome = likeness(a.outcome, b.outcome);
  if (a.symmetric || b.symmetric) {
    const double exposure = likeness(a.exposure, b.outcome), outcome = likeness(a.outcome, b.exposure);
    if (exposure * outcome > meeting.exposure * meeting.outcome) {
      meeting.exposure = std::max(exposure, outcome);
      meeting.outcome = std::min(exposure, outcome);
      meeting.turned = true;
    }
  }
  meeting.rarest_exposure = meeting.turned ? rarest(a.exposure, b.outcome) : rarest(a.exposure, b.exposure);
  meeting.rarest_outcome = meeting.turned ? rarest(a.outcome, b.exposure) : rarest(a.outcome, b.outcome);
  if (meeting.turned) {
    // The same whichever comes first.
    const double least = std::min(meeting.rarest_exposure, meeting.rarest_outcome);
    meeting.rarest_exposure = std::max(meeting.rarest_exposure, meeting.rarest_outcome);
    meeting.rarest_outcome = least;
  }
  const Terms both_a = joined(a.exposure, a.outcome), both_b = joined(b.exposure, b.outcome);
  meeting.all = likeness(both_a, both_b);
  meeting.setting = likeness(a.population, b.population);
  constexpr double kEnough = 3;
  meeting.shared = std::min(
      kEnough, meeting.turned ? worth_shared(a.exposure, b.outcome) + worth_shared(a.outcome, b.exposure)
                              : worth_shared(a.exposure, b.exposure) + worth_shared(a.outcome, b.outcome));
  // Without titles, what the sentences say is all there is of the topic.
  const bool titled = !title_a.empty() && !title_b.empty();
  meeting.title = titled ? likeness(title_a, title_b) : meeting.all;
  meeting.rarest_title = rarest(title_a, title_b);
  meeting.words = likeness(a.words, b.words);
  meeting.shared_words = std::min(kEnough, worth_shared(a.words, b.words));
  const Terms &all_of_a = a.words.empty() ? both_a : a.words, &all_of_b = b.words.empty() ? both_b : b.words;
  meeting.other_exposure = (1 - named(a.exposure, all_of_b)) * (1 - named(b.exposure, all_of_a));
  meeting.other_outcome = (1 - named(a.outcome, all_of_b)) * (1 - named(b.outcome, all_of_a));
  if (a.unclear || b.unclear)
    meeting.unread = 1 - std::min(named(a.outcome, all_of_b), named(b.outcome, all_of_a));
  return meeting;
}

Opposition oppose(const Finding& a, const Finding& b, bool turned) {
  if (a.unclear || b.unclear) return Opposition::unclear;
  Allowed left = quantity_of(a, a.outcome), right = quantity_of(b, b.outcome);
  const bool flip = (a.exposure_less != b.exposure_less) ^ (a.outcome_less != b.outcome_less) ^
                    (!turned && sides_swapped(a, b)) ^
                    (turned ? inverted(a.exposure, b.outcome) ^ inverted(a.outcome, b.exposure)
                            : inverted(a.exposure, b.exposure) ^ inverted(a.outcome, b.outcome));
  if (flip) right.set = opposite(right.set);
  // "worse prognosis", "more deaths": other words for what is good and bad.
  const bool apart =
      !turned && rarest(a.outcome, b.outcome) == 0 && sentiment_of(a.outcome) * sentiment_of(b.outcome) < 0;
  if (apart) right.set = opposite(right.set);
  const bool both_benefit = a.benefit && b.benefit;
  const bool comparable = (left.known && right.known) || both_benefit;
  if (both_benefit) left.set = a.allowed, right.set = flip ^ apart ? opposite(b.allowed) : b.allowed;
  const auto denies = [](Outcomes set) { return (set & kNone) != 0; };
  const auto undirected = [](Outcomes set) { return set == (kLess | kMore); };
  if (denies(left.set) != denies(right.set)) {
    // "did not increase" against "associated": of what is not said, more is meant.
    if (undirected(left.set) || undirected(right.set)) return Opposition::null;
    if (left.set == kNone || right.set == kNone) return Opposition::null;
    if (!comparable) return Opposition::null;  // "did not improve" against "more"
    return (left.set & right.set) == 0 ? Opposition::null : Opposition::agrees;
  }
  if (denies(left.set)) return Opposition::agrees;
  if (!comparable) return Opposition::unclear;
  return (left.set & right.set) == 0 ? Opposition::opposite : Opposition::agrees;
}

Probability probability_of(const Meeting& meeting, Opposition opposition, const Finding& a,
                           const Finding& b) {
  constexpr double kHedged = .9;  // "may": what is said is said of some cases
  const double certainty = a.hedged || b.hedged ? kHedged : 1;
  const double both = std::sqrt(meeting.exposure * meeting.outcome);
  if (a.section == Section::claim && b.section == Section::claim) {
    const double same = logistic(log_odds_of_claims(meeting, both, std::max(a.words.size(), b.words.size())));
    return {same, same * opposed_claims(opposition, a.denies != b.denies, both) * certainty};
  }
  const Weights& weights = kOfAbstracts;
  const bool asked = meeting.meaning > 0;  // the sentence model was
  double x = weights.intercept +
             both * (weights.both + weights.shared * meeting.shared + weights.title * meeting.title) +
             weights.other * (meeting.other_exposure + meeting.other_outcome);
  if (asked) x += weights.meaning * (meeting.meaning - weights.usual_meaning);
  if (a.implied || b.implied) x += weights.implied;
  Probability out;
  out.same_question = logistic(x);
  const double opposed = opposition == Opposition::opposite  ? weights.opposite
                         : opposition == Opposition::null    ? weights.null
                         : opposition == Opposition::unclear ? weights.unclear
                                                             : weights.agrees;
  out.contradiction = out.same_question * opposed * certainty;
  return out;
}

std::vector<std::string> differences(const Finding& a, std::string_view text_a, const Finding& b,
                                     std::string_view text_b) {
  std::vector<std::string> found;
  constexpr double kAlike = .25;
  const auto compare = [&](std::string_view what, const Terms& left, const Terms& right) {
    if (left.empty() || right.empty() || likeness(left, right) >= kAlike) return;
    found.push_back(fmt::format("{}: {} / {}", what, words_of(left, text_a), words_of(right, text_b)));
  };
  compare("population", a.population, b.population);
  compare("comparator", a.comparator, b.comparator);
  const auto part = [](std::string_view text, const Span& span) {
    return text.substr(span.begin, span.end - span.begin);
  };
  for (const Trait& trait : kTraits) {
    const std::string_view left = trait.of(part(text_a, a.sentence)),
                           right = trait.of(part(text_b, b.sentence));
    if (!left.empty() && !right.empty() && left != right)
      found.push_back(fmt::format("{}: {} / {}", trait.name, left, right));
  }
  return found;
}

}  // namespace medsynth::contradiction
