// Text as the analysis reads it: sentences and tokens, from any bytes. English in mind, nothing else refused:
// invalid UTF-8 separates words, other scripts are words of their own. Pure, thread safe, linear in the
// length of the text.
//
//   for (Span sentence : sentences(text))
//     for (const Token& token : tokens(text, sentence)) ...
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace medsynth::contradiction {

// Bytes [begin, end) of the text that was given.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool operator==(const Span&) const = default;
};

enum class TokenKind { word, number, symbol };

struct Token {
  Span span;
  TokenKind kind = TokenKind::word;
  bool joined =
      false;  // a hyphen, and nothing else, stands between this word and the next ("low" in "low-dose")
  bool capitals = false;  // all letters are capital, but for a plural s: an abbreviation may be meant
  // Folded: lower case, Latin letters without accents, "covid-19" as "covid19", a lone Greek letter by its
  // name, with the digits behind it ("alpha", "epsilon4"). Symbols are one ASCII character; dashes are '-',
  // tabs '|', the typographic apostrophe is '\''.
  std::string text;
};

// The sentences, without surrounding white space. Decimals ("0.05"), usual abbreviations ("vs.", "et al.")
// and initials do not end one; a blank line does, and the end of a line that is a field and its value.
std::vector<Span> sentences(std::string_view text);

// The tokens of one part of the text; spans count from the start of the whole text.
std::vector<Token> tokens(std::string_view text, Span part);

// How many Unicode code points the text has; each byte that is no UTF-8 counts as one.
std::size_t code_points(std::string_view text);

// The part of the text, at most `most` bytes of it, cut between characters.
std::string_view excerpt(std::string_view text, Span part, std::size_t most);

// Inflection and spelling removed: "reduces", "reduced", "reducing" are "reduc"; "tumours" is "tumor". For
// looking up verbs.
std::string inflection_stem(std::string_view folded);

// Derivation removed as well: "infection" and "infected" are "infect". For comparing content words.
std::string root(std::string_view inflection_stem);

}  // namespace medsynth::contradiction
