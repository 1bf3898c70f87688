// The lexicon's rows, as text that a person edits. Words are separated by spaces, the words of a phrase
// joined by '_', abbreviations that count only in capitals start with '='. Inflected and British forms need
// no entry.
#pragma once

#include <span>
#include <string_view>

#include "medsynth/contradiction/lexicon.h"

namespace medsynth::contradiction {

struct EffectRow {
  Outcomes outcomes;
  Axis axis;
  enum Kind { plain, carrier, soft_carrier, comparing } kind;
  std::string_view words;
};
std::span<const EffectRow> effect_rows();

struct RoleRow {
  Role role;
  std::string_view words;
};
std::span<const RoleRow> role_rows();

// Topic words. `sentiment` 2 leaves it as it is; the words of a row with `same` are one concept; a word with
// '-' before it is its opposite ("-survival" in the row of mortality: less of one is more of the other); a
// word with '~' excludes the row's others without being less of them ("~chronic" in the row of acute); one
// with '<' names what the row's concepts are a kind or a part of, by the first word of that concept's row.
struct TermRow {
  bool same;
  float weight;
  int sentiment;
  std::string_view words;
};
std::span<const TermRow> state_rows();  // looked up first
std::span<const TermRow> term_rows();

}  // namespace medsynth::contradiction
