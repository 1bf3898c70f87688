#include "medsynth/contradiction/abbreviations.h"

#include <algorithm>
#include <string_view>

namespace medsynth::contradiction {
namespace {

constexpr std::size_t kMostKnown = 32, kLongest = 8;  // definitions in a text, letters of one

// "(MI)", "(COPD;" behind `at`.
bool defines(const std::vector<Token>& sentence, std::size_t at) {
  if (sentence[at].text != "(" || at + 2 >= sentence.size()) return false;
  const Token& word = sentence[at + 1];
  const std::string& after = sentence[at + 2].text;
  return word.kind == TokenKind::word && word.capitals && word.text.size() >= 2 &&
         word.text.size() <= kLongest && (after == ")" || after == ";" || after == ",");
}

// Where the long form of `letters` begins, looking back from `end`; `end` when there is none.
std::size_t begin_of(const std::vector<Token>& sentence, std::size_t end, std::string_view letters) {
  const std::size_t most = std::min(letters.size() + 5, 2 * letters.size());
  std::size_t left = letters.size();
  for (std::size_t at = end; at > 0 && end - at < most;) {
    const Token& token = sentence[--at];
    if (token.kind == TokenKind::symbol && token.text != "-" && token.text != "/") break;
    if (token.kind != TokenKind::word) continue;
    // As many letters as this word has, from right to left; the first letter starts a word.
    for (std::size_t i = token.text.size(); i-- > 0 && left > 0;)
      if (token.text[i] == letters[left - 1] && (left > 1 || i == 0)) --left;
    if (left == 0) return at;
  }
  return end;
}

}  // namespace

void Abbreviations::learn(const std::vector<Token>& sentence) {
  for (std::size_t at = 1; at + 2 < sentence.size() && known_.size() < kMostKnown; ++at) {
    if (!defines(sentence, at)) continue;
    if (find(sentence[at + 1])) continue;
    std::string_view letters = sentence[at + 1].text;
    std::size_t begin = begin_of(sentence, at, letters);
    if (begin == at && letters.back() == 's') {  // "(ACEIs)": the words end in no s
      letters.remove_suffix(1);
      begin = begin_of(sentence, at, letters);
    }
    if (at - begin < 2) continue;  // one word is no phrase worth an abbreviation
    const auto from = sentence.begin() + static_cast<std::ptrdiff_t>(begin);
    known_.push_back({std::string(letters), {from, sentence.begin() + static_cast<std::ptrdiff_t>(at)}});
  }
}

const Abbreviations::Known* Abbreviations::find(const Token& token) const {
  if (token.kind != TokenKind::word || !token.capitals) return nullptr;
  const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& each) {
    const std::string &longer = token.text.size() < each.letters.size() ? each.letters : token.text,
                      &shorter = token.text.size() < each.letters.size() ? token.text : each.letters;
    const bool plural = longer.size() == shorter.size() + 1 && longer.back() == 's' && shorter.size() > 1;
    return longer == shorter || (plural && longer.starts_with(shorter));
  });
  return found == known_.end() ? nullptr : &*found;
}

std::vector<Token> Abbreviations::written_out(const std::vector<Token>& sentence) const {
  if (known_.empty()) return sentence;
  std::vector<Token> out;
  out.reserve(sentence.size() + 8);
  for (std::size_t at = 0; at < sentence.size(); ++at) {
    if (defines(sentence, at) && find(sentence[at + 1]) && sentence[at + 2].text == ")") {
      at += 2;
      continue;
    }
    const Known* const known = find(sentence[at]);
    if (!known) {
      out.push_back(sentence[at]);
      continue;
    }
    for (Token word : known->words) {
      word.span = sentence[at].span;
      out.push_back(std::move(word));
    }
    out.back().joined = sentence[at].joined;
  }
  return out;
}

}  // namespace medsynth::contradiction
