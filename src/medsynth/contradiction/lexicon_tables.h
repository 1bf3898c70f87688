// The lexicon's rows, as text that a person edits. Words are separated by spaces, the words of a phrase
// joined by '_', abbreviations that count only in capitals start with '='. Inflected and British forms need
// no entry.
#pragma once

#include <span>
#include <string_view>
#include <vector>

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

// Topic words. `sentiment` kUnsaid leaves it as it is; the words of a row with `same` are one concept; a word
// with '-' before it is its opposite ("-survival" in the row of mortality: less of one is more of the other);
// a word with '~' excludes the row's others without being less of them ("~chronic" in the row of acute); one
// with '<' names what the row's concepts are a kind or a part of, by the first word of that concept's row.
// A row with `same` is for words that a clinician would use for one another. Neighbours, stages, subtypes,
// members of a class, other populations and other species are kinds ('<') or rows of their own: what holds
// for one need not hold for the other.
struct TermRow {
  bool same;
  float weight;
  int sentiment;
  std::string_view words;
};
inline constexpr int kUnsaid = 2;

// Where a reader can look up that the words of a row mean one thing. All rows are written down by us; no
// terminology is copied.
enum class Source : std::uint8_t { mesh, medlineplus, inn, atc, hgnc, english, abstracts, notes };
std::string_view citation(Source source);

// Small enough that the source holds for each row.
struct TermSection {
  std::string_view about;
  Source source;
  std::span<const TermRow> rows;
};
std::span<const TermSection> state_sections();
std::span<const TermSection> condition_sections();
std::span<const TermSection> treatment_sections();
std::span<const TermSection> light_sections();  // words that say little about a topic
std::span<const TermSection> other_sections();

// All of them in the order in which they are looked up: a word in two rows has the meaning of the first.
std::vector<TermSection> term_sections();

}  // namespace medsynth::contradiction
