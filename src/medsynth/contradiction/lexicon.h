// What the analysis knows about words: those that steer the reading (negation, direction, prepositions) and
// the names of things that have several. Built once, read only afterwards: thread safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/text.h"

namespace medsynth::contradiction {

// What an effect may be: a set over {less, none, more}. "reduces" is {less}, "does not reduce" {none, more},
// "affects" {less, more}. Two statements about one thing contradict each other when their sets have nothing
// in common.
using Outcomes = std::uint8_t;
inline constexpr Outcomes kLess = 1, kNone = 2, kMore = 4, kAny = 7;
constexpr Outcomes opposite(Outcomes set) {
  return static_cast<Outcomes>((set & kNone) | (set & kLess ? kMore : 0) | (set & kMore ? kLess : 0));
}

// What "more" means: of a quantity, of benefit (improves, effective), of safety; or only that there is a
// relation.
enum class Axis : std::uint8_t { quantity, benefit, safety, relation };

enum class Role : std::uint8_t {
  content,      // names something
  stop,         // says nothing here
  effect,       // says what one thing does to another
  negation,     // turns the next effect round
  hedge,        // may, suggests
  unknown,      // unclear, insufficient, whether: nothing is asserted
  be,           // forms of "to be"
  preposition,  // in, among, with, by, for, between, ...: told apart by their text
  conjunction,  // and, or
  boundary,     // but, however: a clause ends
  versus,       // than, compared with: a comparator follows
  receiving,    // "patients treated with": an intervention follows
  observed,     // "was not observed": the negation concerns what was said before
  significant,  // as observed, and the ground is statistical
  flip,         // deficiency, cessation, low: less of what it stands with
  pronoun,      // it, they, this: the subject of the sentence before
  that,         // "showed that": the sentence proper begins
  dose,         // low-dose, high-dose
};

struct Entry {
  Role role = Role::content;
  std::uint64_t concept_id = 0;  // equal for synonyms
  std::uint64_t parent = 0;      // of what it is a kind or a part: "MMR vaccine" of "vaccine"; 0: not known
  float weight = 1;              // as a topic word
  std::int8_t sentiment = 0;     // of more of it: -1 bad (mortality), +1 good (survival), 0 not known
  bool inverse = false;          // the concept's opposite: "survival" is less mortality
  bool rival = false;            // excludes the concept of its row: "chronic"
  bool complement = false;       // what is not of the concept: "unvaccinated", "non-diabetic"
  bool group = false;            // names people by it: "unvaccinated children" (groups.h)
  Outcomes outcomes = 0;         // effect
  Axis axis = Axis::quantity;    // effect
  bool carrier = false;    // effect: "causes", "associated with" give way to an effect that follows at once
  bool soft = false;       // effect: its direction is a reading ("linked to" as more)
  bool comparing = false;  // effect: "superior", "similar": its "to" names a comparator
};

// A word, or several that are one, as the reader meets it.
struct Item {
  Span span;
  TokenKind kind = TokenKind::word;
  bool joined = false;
  std::string text;  // of the first token, folded
  Entry entry;
};

std::uint64_t concept_of(std::string_view root);

// "acute" and "chronic" name different things that exclude each other: each is the rival of the other.
constexpr std::uint64_t rival_of(std::uint64_t concept_id) {
  return concept_id ^ 1U;
}

// The entry of a word as a name, although it steers elsewhere: "treated" in "treated patients".
Entry name_of(std::string_view word);

// The entry of what is not of it: "diabetic" to "non-diabetic".
Entry complement_of(Entry entry);

// The tokens of a sentence with what is known about them; the longest known phrase wins.
std::vector<Item> look_up(std::span<const Token> tokens);

}  // namespace medsynth::contradiction
