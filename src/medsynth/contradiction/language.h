// Is a text English? By function words, frequent medical words and scripts; small, and in doubt it says yes:
// drug names, telegraphic notes and lists of symptoms have no function words at all. Pure.
//
//   LanguageVotes votes;
//   for (each sentence) votes.add(tokens);
//   votes.other();   // "German", or empty: English, or nothing speaks against it
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/text.h"

namespace medsynth::contradiction {

inline constexpr std::size_t kLanguages = 17;  // that are told apart by their words, English first

class LanguageVotes {
 public:
  void add(const std::vector<Token>& sentence);
  // The language that it seems to be ("German", "one with another script"); empty: English.
  std::string_view other() const;

 private:
  std::array<std::size_t, kLanguages> words_{};     // met of each language
  std::array<std::size_t, kLanguages> own_{};       // of those, that are no English words
  std::array<std::size_t, kLanguages> accented_{};  // of those, with letters that English has not
  std::size_t latin_ = 0, foreign_script_ = 0;      // letters
};

// Whether nothing in the first 8,000 bytes of `text` speaks for another language.
bool is_english(std::string_view text);

}  // namespace medsynth::contradiction
