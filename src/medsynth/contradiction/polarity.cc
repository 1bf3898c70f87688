#include "medsynth/contradiction/polarity.h"

#include <algorithm>

#include "medsynth/contradiction/topic.h"

namespace medsynth::contradiction {
namespace {

// Topics above kSame are the same thing, below kOther another one.
constexpr double kSame = .6, kOther = .35;

int sentiment_of(const Words& words) {
  int sentiment = 0;
  for (const Word& word : words) {
    if (word.sentiment > 0) return 1;  // "survival after stroke" is good
    if (word.sentiment < 0) sentiment = -1;
  }
  return sentiment;
}

// A quantity's change as benefit: less mortality is good, less survival is not.
Outcomes as_benefit(const Effect& effect) {
  const Outcomes set = effect.outcomes();
  if (effect.axis == Axis::benefit) return set;
  // "Renal function declined": the subject is what changed.
  const bool of_subject = !says_something(effect.outcome);
  const int sentiment = sentiment_of(of_subject ? effect.agent : effect.outcome);
  if (sentiment > 0) return set;
  // Who writes "reduces" of a thing not known here mostly means that less of it is wanted.
  if (sentiment < 0 || (effect.base == kLess && !of_subject)) return opposite(set);
  return set & kAny & ~kNone ? static_cast<Outcomes>(set | kLess | kMore) : set;
}

struct Compared {
  Outcomes first = kAny, second = kAny;
  double strength = 1;  // of the exclusion, if they exclude each other
};

// Both effects on one scale.
Compared on_one_scale(const Effect& a, const Effect& b) {
  const auto is = [&](Axis axis) { return (a.axis == axis) != (b.axis == axis); };
  if (is(Axis::safety)) {
    const Effect& other = a.axis == Axis::safety ? b : a;
    // "safe" excludes what is plainly bad: harm, or more of a bad outcome.
    const bool bad = (other.axis == Axis::benefit || other.axis == Axis::quantity) && !other.soft &&
                     as_benefit(other) == kLess;
    if (!bad) return Compared{};
    return a.axis == Axis::safety ? Compared{a.outcomes(), kLess, .8} : Compared{kLess, b.outcomes(), .8};
  }
  if (is(Axis::benefit)) return {as_benefit(a), as_benefit(b), .9};
  return {a.outcomes(), b.outcomes(), 1};
}

// How sure an exclusion is: a plain denial or the opposite direction is sure, a reading of "linked to" is
// not.
double strength_of(const Effect& a, const Effect& b, const Compared& sets) {
  double strength = sets.strength;
  const bool opposite_signs = (sets.first | sets.second) == (kLess | kMore);
  if (opposite_signs && (a.soft != b.soft)) strength *= .15;
  // "ineffective" and "harmful" are different, hardly a contradiction.
  if (a.axis == Axis::benefit && b.axis == Axis::benefit && (sets.first | sets.second) == (kLess | kNone))
    strength *= .15;
  const int hedges = a.hedged + b.hedged;
  // "may" and "may not" are both true of most things.
  if (hedges == 2 && !opposite_signs)
    strength *= 0;
  else if (hedges > 0)
    strength *= hedges == 2 ? .7 : .85;
  return strength;
}

struct Pair {
  Polarity::Finding finding = Polarity::Finding::unrelated;
  double score = 0;
  Topic topic;
  const Effect* first = nullptr;
  const Effect* second = nullptr;
  double fit = 0;  // how well the two meet, context included
};

double opposed_score(double topic, double certainty) {
  const double full = topic < kSame ? .4 + .35 * (topic - kOther) / (kSame - kOther)
                                    : .75 + .22 * (topic - kSame) / (1 - kSame);
  return full <= .5 ? full : .5 + (full - .5) * certainty;
}

double unrelated_score(double topic) {
  return .04 + .2 * topic;
}

// 1: prevents, -1: treats; 0: neither. What treats a disease need not prevent it.
int manner_of(const Effect& effect, std::string_view text) {
  const std::string_view cue = text.substr(effect.cue.begin, effect.cue.end - effect.cue.begin);
  const auto has = [&](std::string_view part) { return cue.find(part) != std::string_view::npos; };
  if (has("prevent") || has("avert") || has("protect")) return 1;
  return has("treat") || has("cure") || has("heal") ? -1 : 0;
}

Pair meet(const Sides& sides, const Effect& a, const Effect& b) {
  Pair pair;
  pair.topic = topic_of(a, b);
  pair.first = &a;
  pair.second = &b;
  pair.fit = pair.topic.score;
  if (pair.topic.score < kOther) {
    pair.score = unrelated_score(pair.topic.score);
    return pair;
  }
  Compared sets = on_one_scale(a, b);
  const int manners = manner_of(a, sides.text1) * manner_of(b, sides.text2);
  if (manners < 0) sets = {};
  if (pair.topic.reversed) sets.second = opposite(sets.second);
  const double left = certainty_left(context_differences(sides, &a, &b, pair.topic.reversed));
  pair.fit *= left;
  if ((sets.first & sets.second) == 0) {
    pair.finding = Polarity::Finding::opposed;
    pair.score = opposed_score(pair.topic.score, strength_of(a, b, sets) * left);
  } else if (pair.topic.score >= kSame && (a.unknown != b.unknown)) {
    pair.finding = Polarity::Finding::undecided;
    pair.score = .45;
  } else {
    pair.finding = pair.topic.score >= kSame ? Polarity::Finding::agrees : Polarity::Finding::unrelated;
    pair.score = sets.first == sets.second ? .04 : .12;
  }
  return pair;
}

// How far an effect of the shorter claim is met by a statement of the longer one, wherever its words stand
// there.
struct Loosely {
  double score = 0;
  bool same_outcome = false;  // as outcome, not only as setting: amounts can be compared
};

Loosely loosely(const Effect& claim, const Effect& statement, const Claim& longer) {
  constexpr double kElsewhere = .8, kSetting = .75, kUnsaid = .6;
  const double agent =
      !says_something(claim.agent)
          ? kUnsaid
          : std::max({found_in(claim.agent, statement.agent), .9 * found_in(claim.agent, statement.outcome),
                      kElsewhere * found_in(claim.agent, longer.words)});
  const double direct =
      std::max(found_in(claim.outcome, statement.outcome), .9 * found_in(claim.outcome, statement.agent));
  const double around = kSetting * std::max(found_in(claim.outcome, statement.setting),
                                            .7 * found_in(claim.outcome, longer.words));
  const bool unsaid = !says_something(claim.outcome);
  if (unsaid && !says_something(claim.agent)) return {};
  return {agent * (unsaid ? kUnsaid : std::max(direct, around)), !unsaid && direct >= around};
}

void compare_loosely(const Sides& sides, Polarity& polarity) {
  const auto weight = [](const Claim& claim) {
    double sum = 0;
    for (const Word& word : claim.words) sum += word.weight;
    return sum;
  };
  const bool first_is_shorter = weight(sides.claim1) <= weight(sides.claim2);
  const Claim& shorter = first_is_shorter ? sides.claim1 : sides.claim2;
  const Claim& longer = first_is_shorter ? sides.claim2 : sides.claim1;
  for (const Effect& claim : shorter.effects) {
    if (claim.unknown) continue;
    for (const Effect& statement : longer.effects) {
      if (statement.unknown) continue;
      const Outcomes good = as_benefit(claim), other = as_benefit(statement);
      const bool directed = claim.base != kNone && statement.base != kNone;
      const bool of_safety = claim.axis == Axis::safety || statement.axis == Axis::safety;
      const bool in_general =
          of_safety || !says_something(claim.outcome) || !says_something(statement.outcome);
      const Compared on_the_whole = of_safety ? on_one_scale(claim, statement) : Compared{good, other};
      if (directed && in_general && says_something(claim.agent) &&
          (on_the_whole.first & on_the_whole.second) == 0)
        polarity.agent_opposed = std::max(polarity.agent_opposed, found_in(claim.agent, statement.agent));
      const Loosely met = loosely(claim, statement, longer);
      const Compared sets = met.same_outcome ? on_one_scale(claim, statement)
                                             : Compared{as_benefit(claim), as_benefit(statement), .9};
      if ((sets.first & sets.second) == 0)
        polarity.loosely_opposed =
            std::max(polarity.loosely_opposed, met.score * strength_of(claim, statement, sets));
      else if (sets.first != kAny && sets.second != kAny)
        polarity.loosely_agrees = std::max(polarity.loosely_agrees, met.score);
    }
  }
}

// The pair that decides: the strongest opposition, unless another pair meets better and agrees.
Pair decisive(const Sides& sides) {
  Pair strongest, closest;
  for (const Effect& a : sides.claim1.effects) {
    for (const Effect& b : sides.claim2.effects) {
      const Pair pair = meet(sides, a, b);
      if (!strongest.first || pair.score > strongest.score) strongest = pair;
      if (!closest.first || pair.fit > closest.fit) closest = pair;
    }
  }
  if (closest.finding == Polarity::Finding::agrees && closest.fit > strongest.fit + .05) return closest;
  return strongest;
}

void without_effects(const Sides& sides, Polarity& polarity) {
  const Overlap words = overlap(sides.claim1.words, sides.claim2.words, true);
  polarity.topic = words.contained * words.contained * (.6 + .4 * words.jaccard);
  const bool neither = sides.claim1.effects.empty() && sides.claim2.effects.empty();
  polarity.finding = polarity.topic >= kSame ? Polarity::Finding::agrees : Polarity::Finding::unrelated;
  polarity.score = polarity.topic >= kSame ? .1 : unrelated_score(polarity.topic);
  constexpr double kNearly =
      .5;  // without agent and outcome to compare, half the words in common are not enough
  if (polarity.topic < kNearly) return;
  const double left = certainty_left(polarity.differences);
  const bool denied = polarity.assertions.conflict + polarity.assertions.rivals >= .5;
  if (neither && denied) {
    polarity.finding = Polarity::Finding::opposed;
    const double hedge = sides.claim1.hedged || sides.claim2.hedged ? .8 : 1;
    polarity.score = opposed_score(polarity.topic, hedge * left);
  } else if (polarity.topic >= kSame && (neither ? left < 1 : denied)) {
    polarity.finding =
        Polarity::Finding::undecided;  // the same statement with other numbers, or a denial of something else
    polarity.score = .45;
  }
}

bool same_words(const Sides& sides) {
  if (sides.text1 == sides.text2) return true;
  const auto fold = [](std::string_view text) {
    std::string out;
    for (const Token& token : tokens(text, {0, text.size()}))
      if (token.kind != TokenKind::symbol) out += token.text + ' ';
    return out;
  };
  const std::size_t longer = std::max(sides.text1.size(), sides.text2.size()),
                    shorter = std::min(sides.text1.size(), sides.text2.size());
  return longer - shorter < 16 && fold(sides.text1) == fold(sides.text2);
}

}  // namespace

Polarity compare(const Sides& sides) {
  Polarity polarity;
  if (!sides.claim1.language.empty() || !sides.claim2.language.empty()) {
    polarity.finding = Polarity::Finding::foreign;
    return polarity;
  }
  // Findings: who has no diabetes has no type 2 diabetes. Effects on a whole and on a kind of it may differ.
  const bool findings = sides.claim1.effects.empty() || sides.claim2.effects.empty();
  polarity.words = overlap(sides.claim1.words, sides.claim2.words, findings).contained;
  // "The dose was 20 mg."
  const bool doses = overlap(sides.claim1.doses, sides.claim2.doses).contained > 0;
  if (sides.claim1.words.empty() && sides.claim2.words.empty() && doses) polarity.words = 1;
  if (sides.claim1.words.empty() && sides.claim2.words.empty() && !doses) {
    polarity.finding = Polarity::Finding::unread;
    return polarity;
  }
  polarity.assertions = compare_assertions(sides.claim1, sides.claim2);
  compare_loosely(sides, polarity);
  if (same_words(sides)) {
    polarity.finding = Polarity::Finding::identical;
    polarity.score = .02;
    polarity.topic = polarity.agent = polarity.outcome = polarity.words = 1;
    return polarity;
  }
  if (sides.claim1.effects.empty() || sides.claim2.effects.empty()) {
    polarity.differences = context_differences(sides, nullptr, nullptr, false);
    without_effects(sides, polarity);
    return polarity;
  }
  const Pair pair = decisive(sides);
  polarity.finding = pair.finding;
  polarity.score = pair.score;
  polarity.topic = pair.topic.score;
  polarity.agent = pair.topic.agent;
  polarity.outcome = pair.topic.outcome;
  polarity.effect1 = pair.first;
  polarity.effect2 = pair.second;
  if (pair.topic.score >= kOther)
    polarity.differences = context_differences(sides, pair.first, pair.second, pair.topic.reversed);
  return polarity;
}

}  // namespace medsynth::contradiction
