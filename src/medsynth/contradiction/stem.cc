// Light stemming of our own: enough that the forms of one word meet, little enough that different words stay
// apart.
#include <algorithm>
#include <array>
#include <utility>

#include "medsynth/contradiction/text.h"

namespace medsynth::contradiction {
namespace {

bool is_vowel(char letter) {
  return std::string_view("aeiouy").find(letter) != std::string_view::npos;
}
bool has_vowel(std::string_view word) {
  return std::any_of(word.begin(), word.end(), is_vowel);
}

void replace(std::string& word, std::string_view from, std::string_view to, std::size_t start) {
  for (std::size_t at = word.find(from, start); at != std::string::npos; at = word.find(from, at + to.size()))
    word.replace(at, from.size(), to);
}

void swap_ending(std::string& word, std::string_view from, std::string_view to) {
  if (word.ends_with(from)) word.replace(word.size() - from.size(), from.size(), to);
}

// British to American, by pattern: applied to both claims and to the lexicon alike, so a word that is changed
// although it has no other spelling ("source") does no harm.
void american(std::string& word) {
  if (word.size() < 5) return;
  replace(word, "ae", "e", 0);
  replace(word, "oe", "e", 0);
  replace(word, "our", "or", 1);
  replace(word, "sulph", "sulf", 0);
  replace(word, "isation", "ization", 0);
  swap_ending(word, "tre", "ter");
  swap_ending(word, "bre", "ber");
  swap_ending(word, "ogue", "og");
  swap_ending(word, "amme", "am");
}

void singular(std::string& word) {
  if (word.size() < 4 || word.back() != 's') return;
  if (word.ends_with("ies") && word.size() > 4) return swap_ending(word, "ies", "y");
  for (std::string_view ending : {"sses", "shes", "ches", "xes"})
    if (word.ends_with(ending)) return word.resize(word.size() - 2);
  const char before = word[word.size() - 2];
  if (before != 's' && before != 'u' && before != 'i') word.pop_back();
}

void infinitive(std::string& word) {
  if (word.ends_with("ied") && word.size() > 4) return swap_ending(word, "ied", "y");
  for (std::string_view ending : {"ing", "ed"}) {
    if (!word.ends_with(ending) || word.ends_with("eed")) continue;
    const std::string_view rest = std::string_view(word).substr(0, word.size() - ending.size());
    if (rest.size() >= 3 && has_vowel(rest)) return word.resize(rest.size());
  }
}

void undouble(std::string& word) {
  if (word.size() <= 3 || word.back() != word[word.size() - 2]) return;
  const bool consonant =
      word.back() >= 'a' && word.back() <= 'z' && !is_vowel(word.back());  // "il11" is not "il1"
  if (consonant) word.pop_back();
}

// Longest first, as they look after inflection_stem: "-ity" is "iti", "-ive" is "iv".
constexpr std::array<std::string_view, 27> kDerivations{
    "ization", "ational", "ation", "ativ", "atori", "ional", "ment", "nes", "anci",
    "enci",    "anc",     "enc",   "ical", "iti",   "ari",   "iv",   "ion", "ous",
    "ant",     "ent",     "ist",   "ian",  "iz",    "at",    "al",   "ic",  "i"};

}  // namespace

std::string inflection_stem(std::string_view folded) {
  std::string word(folded);
  if (word.ends_with("'s")) word.resize(word.size() - 2);
  if (word.size() <= 3) return word;
  american(word);
  singular(word);
  infinitive(word);
  if (word.ends_with("ly") && word.size() > 5) word.resize(word.size() - 2);
  if (word.size() > 3 && word.back() == 'e') word.pop_back();
  undouble(word);
  if (word.size() > 4 && word.ends_with("is")) swap_ending(word, "is", "iz");  // randomis(ed), randomiz(ed)
  if (word.size() > 4 && word.ends_with("ys")) swap_ending(word, "ys", "yz");
  if (word.size() > 3 && word.back() == 'y') word.back() = 'i';
  return word;
}

std::string root(std::string_view inflection_stem) {
  std::string word(inflection_stem);
  constexpr std::size_t kShortest = 4;  // letters that must stay, or short words would fall together
  for (int round = 0; round < 2; ++round) {
    const auto ending = std::find_if(kDerivations.begin(), kDerivations.end(), [&](std::string_view each) {
      return word.ends_with(each) && word.size() >= each.size() + kShortest &&
             has_vowel(std::string_view(word).substr(0, word.size() - each.size()));
    });
    if (ending == kDerivations.end()) break;
    word.resize(word.size() - ending->size());
  }
  undouble(word);
  return word;
}

}  // namespace medsynth::contradiction
