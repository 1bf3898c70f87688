// What a claim says: its effects, each with agent, outcome, direction and assertion, and where in the text
// that stands. Pure; linear in the length of the text, with a bound on the number of effects kept.
//
//   Claim claim = read_claim("Aspirin does not reduce the risk of stroke in women.");
//   claim.effects[0].outcomes() == (kNone | kMore);   // of less, none, more
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/lexicon.h"
#include "medsynth/contradiction/quantities.h"
#include "medsynth/contradiction/text.h"

namespace medsynth::contradiction {

// A topic word. Lists of them are short.
struct Word {
  std::uint64_t concept_id = 0;
  float weight = 1;
  std::int8_t sentiment = 0;
  Span span;
  // Assertion status, by triggers and their scopes (scopes.h).
  bool denied = false;        // an odd number of denials and opposites ("afebrile") concern it
  bool of_family = false;     // "mother had ..."
  bool past = false;          // "history of", "used to"
  bool hypothetical = false;  // "if", "to assess whether", a question
  bool group = false;         // names people by what they are not: "unvaccinated children"
  bool genus = false;         // what the word before is a kind of, which the text does not say
};
using Words = std::vector<Word>;

struct Effect {
  Outcomes base = kAny;  // before negation
  Axis axis = Axis::quantity;
  bool carrier = false;  // see Entry
  bool soft = false;
  bool comparing = false;
  bool negated = false;
  bool statistical = false;  // the negation is "not significant"
  bool hedged = false;
  bool unknown = false;         // "it is unclear whether": nothing is asserted
  bool background = false;      // what was thought before, or only thought
  bool active = false;          // agent verb outcome, in this order for sure
  bool inherited = false;       // the agent is that of the effect before
  bool shares_outcome = false;  // "prevents and treats X": the outcome is that of the effect after
  bool agent_less = false;      // "low vitamin D ...": less of the agent
  bool outcome_less = false;    // "... vitamin D deficiency": less of the outcome
  bool arm_follows = false;     // "was lower with X": X stands behind the effect and is its agent
  Words agent, outcome, comparator, setting;  // setting: who and when, "in women with diabetes"
  Span cue;                                   // the words of the effect
  std::optional<Span> negation;

  // What the claim allows, from negation and the signs of agent and outcome.
  Outcomes outcomes() const;
};

enum class Unit : std::uint8_t { plain, percent, dose, duration, age, year, statistic };
struct Measure {
  double value = 0;  // a dose or a duration in the unit of its dimension (units.h)
  Unit unit = Unit::plain;
  Span span;
};

struct Claim {
  std::vector<Effect> effects;  // at most kMaxEffects
  Words words;                  // all topic words
  std::vector<Measure> measures;
  Quantities numbers;
  Words doses;                // "low-dose"
  std::vector<Span> denials;  // that concern no effect
  bool hedged = false;
  bool historical = false;    // "no longer", "previously"
  std::string_view language;  // what it seems to be in; empty: English (language.h)
  // Where the clauses end, rising; of a claim with several, `spoken` are its words in the order of the text.
  std::vector<std::size_t> clause_ends;
  Words spoken;

  bool negated() const { return !denials.empty(); }
};

// In order of concept, each once: what compares lists of words expects it so.
void arrange(Words& words);

inline constexpr std::size_t kMaxEffects = 64;  // of an abstract given as a claim; the first ones count
inline constexpr std::size_t kMaxWords = 2000;

Claim read_claim(std::string_view text);

}  // namespace medsynth::contradiction
