// The words that say what was found, and how a clause denies them. Internal to the reader of findings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/lexicon.h"

namespace medsynth::contradiction {

enum class CueKind : std::uint8_t {
  relation,     // associated, correlated
  relation_of,  // association, relationship: a noun, its two things follow
  factor,       // risk factor, predictor
  difference,   // differ, difference
  influence,    // effect, impact: a noun, "on"
  cause,        // leads to, affects
  change,       // reduced, improves: a verb
  change_of,    // reduction, increase: a noun, "in"
  compare,      // higher, fewer
  likely,       // more likely to
  similar,      // similar, comparable
  verdict,      // effective, superior, safe
};

struct Cue {
  CueKind kind = CueKind::relation;
  Outcomes outcomes = kAny;
  bool benefit = false;
};

// A text item: the words that steer, in the order of the sentence.
struct Piece {
  Item item;
  std::string phrase;  // in lower case, words parted by one space
  std::string stem;    // of the first word
};

// Null: the unit is no cue here.
const Cue* cue_at(const std::vector<Piece>& units, std::size_t at);

// A run of cues that say one thing: "was not associated with a reduced", [begin, end).
struct CueGroup {
  std::size_t begin = 0, end = 0;
  Cue cue;
  bool negated = false;
  bool statistical = false;
  std::size_t denial = 0;  // the unit that denies; only where it is negated
};
// Of the clause [from, to); groups in order.
std::vector<CueGroup> cue_groups(const std::vector<Piece>& units, std::size_t from, std::size_t to);

bool any_of_words(std::string_view word, std::string_view words);  // `words` parted by spaces

}  // namespace medsynth::contradiction
