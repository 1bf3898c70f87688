// Abbreviations that a text defines for itself: "myocardial infarction (MI)". Found as Schwartz and Hearst do
// (Pac Symp Biocomput 2003): the letters of the short form are looked for from right to left in the words
// before the bracket, the first one at the start of a word. Pure.
//
//   Abbreviations known;
//   for (each sentence) known.learn(tokens), tokens = known.written_out(tokens);
#pragma once

#include <string>
#include <vector>

#include "medsynth/contradiction/text.h"

namespace medsynth::contradiction {

class Abbreviations {
 public:
  // Adds what one sentence defines; a later definition of the same letters is ignored.
  void learn(const std::vector<Token>& sentence);
  // The sentence with the long forms in place of the short ones, which keep their spans. A definition's
  // bracket goes: what it repeats has just been said.
  std::vector<Token> written_out(const std::vector<Token>& sentence) const;

 private:
  struct Known {
    std::string letters;
    std::vector<Token> words;
  };
  const Known* find(const Token& token) const;

  std::vector<Known> known_;  // at most kMostKnown
};

}  // namespace medsynth::contradiction
