#include "medsynth/contradiction/text.h"

#include <algorithm>
#include <array>

namespace medsynth::contradiction {
namespace {

// One code point. Bytes that are no UTF-8 come out one by one as spaces: they separate.
struct Rune {
  char32_t code = ' ';
  std::size_t size = 1;
};

Rune rune_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t offset) -> unsigned {
    return at + offset < text.size() ? static_cast<unsigned char>(text[at + offset]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (size == 0 || first > 0xF4) return {};
  char32_t code = first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[size] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {};
  return {code, size};
}

bool is_digit(char32_t code) {
  return code >= '0' && code <= '9';
}
bool is_ascii_letter(char32_t code) {
  return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
}
bool is_greek(char32_t code) {
  return code >= 0x391 && code <= 0x3C9;
}
bool is_mark(char32_t code) {
  return code >= 0x300 && code <= 0x36F;
}
bool is_dash(char32_t code) {
  return code == '-' || (code >= 0x2010 && code <= 0x2014) || code == 0x2212;
}
// Between two words of one ("low-dose"); a long dash parts statements.
bool is_hyphen(char32_t code) {
  return is_dash(code) && code != 0x2014;
}
bool is_apostrophe(char32_t code) {
  return code == '\'' || code == 0x2019;
}

// Everything beyond ASCII that is not known as punctuation or symbol counts as a letter.
bool is_letter(char32_t code) {
  if (code < 0x80) return is_ascii_letter(code);
  if (code < 0xC0) return code == 0xAA || code == 0xB5 || code == 0xBA;
  if (code == 0xD7 || code == 0xF7) return false;
  if (code >= 0x2000 && code < 0x2C00)
    return false;  // punctuation, super- and subscripts, arrows, mathematics
  if (code >= 0x3000 && code < 0x3021) return false;
  if (code >= 0xFE00 && code < 0xFE70) return false;
  if (code >= 0xFF00 && code < 0xFF10) return false;
  return code < 0x1F000;
}

bool is_space(char32_t code) {
  return code <= ' ' || code == 0x85 || code == 0xA0 || (code >= 0x2000 && code <= 0x200B) || code == 0x3000;
}

// Base letters of U+00C0..U+00FF.
constexpr std::string_view kLatin =
    "aaaaaaaceeeeiiiidnooooo*ouuuuyts"
    "aaaaaaaceeeeiiiidnooooo/ouuuuyty";

constexpr std::array<std::string_view, 25> kGreek{
    "alpha", "beta",   "gamma",   "delta", "epsilon", "zeta",    "eta",  "theta", "iota",
    "kappa", "lambda", "mu",      "nu",    "xi",      "omicron", "pi",   "rho",   "sigma",
    "sigma", "tau",    "upsilon", "phi",   "chi",     "psi",     "omega"};

void append_utf8(std::string& out, char32_t code) {
  const auto put = [&](char32_t bits) { out.push_back(static_cast<char>(static_cast<unsigned char>(bits))); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xC0U | (code >> 6U)), put(0x80U | (code & 0x3FU));
  if (code < 0x10000)
    return put(0xE0U | (code >> 12U)), put(0x80U | ((code >> 6U) & 0x3FU)), put(0x80U | (code & 0x3FU));
  put(0xF0U | (code >> 18U)), put(0x80U | ((code >> 12U) & 0x3FU)), put(0x80U | ((code >> 6U) & 0x3FU));
  put(0x80U | (code & 0x3FU));
}

void append_folded(std::string& out, char32_t code) {
  if (code >= 'A' && code <= 'Z') return out.push_back(static_cast<char>(code + 32));
  if (code < 0x80) return out.push_back(static_cast<char>(code));
  if (is_mark(code)) return;
  if (code == 0xB5) return out.push_back('u');  // the micro sign, in "µg"
  if (code == 0xC6 || code == 0xE6) return void(out += "ae");
  if (code >= 0xC0 && code <= 0xFF) return out.push_back(kLatin[code - 0xC0]);
  if (code == 0x152 || code == 0x153) return void(out += "oe");
  if (code >= 0x391 && code <= 0x3A9) return append_utf8(out, code + 32);
  if (code >= 0x410 && code <= 0x42F) return append_utf8(out, code + 32);
  append_utf8(out, code);
}

// Reads tokens one after the other; stateless between them.
class Scanner {
 public:
  Scanner(std::string_view text, Span part)
      : text_(text.substr(0, std::min(part.end, text.size()))), at_(part.begin) {}

  bool next(Token& token) {
    while (at_ < text_.size()) {
      const Rune rune = rune_at(text_, at_);
      token = Token{};
      token.span.begin = at_;
      if (is_digit(rune.code)) return number(token);
      if (is_letter(rune.code)) {
        word(token);
        if (token.text.empty()) continue;  // combining marks only
        return true;
      }
      at_ += rune.size;
      if (is_dash(rune.code))
        rune_to_symbol(token, '-');
      else if (rune.code == '\t')
        rune_to_symbol(token, '|');  // of a table
      else if (rune.code > ' ' && rune.code < 0x7F)
        rune_to_symbol(token, static_cast<char>(rune.code));
      else
        continue;
      return true;
    }
    return false;
  }

 private:
  void rune_to_symbol(Token& token, char symbol) {
    token.kind = TokenKind::symbol;
    token.text.assign(1, symbol);
    token.span.end = at_;
  }

  char32_t peek(std::size_t at) const { return at < text_.size() ? rune_at(text_, at).code : U' '; }

  bool number(Token& token) {
    token.kind = TokenKind::number;
    while (at_ < text_.size()) {
      const char letter = text_[at_];
      const bool inside = (letter == '.' || letter == ',') && is_digit(peek(at_ + 1));
      if (!is_digit(static_cast<unsigned char>(letter)) && !inside) break;
      if (letter != ',') token.text.push_back(letter);
      ++at_;
    }
    token.span.end = at_;
    return true;
  }

  void word(Token& token) {
    const bool greek = is_greek(peek(at_));
    std::size_t letters = 0, capitals = 0;
    while (at_ < text_.size()) {
      const Rune rune = rune_at(text_, at_);
      const char32_t after = peek(at_ + rune.size);
      const bool letter = is_letter(rune.code) && is_greek(rune.code) == greek;
      const bool digit = is_digit(rune.code) || (is_hyphen(rune.code) && is_digit(after));  // covid-19, B12
      const bool apostrophe = is_apostrophe(rune.code) && is_letter(after);
      if (!letter && !digit && !apostrophe && !is_mark(rune.code)) break;
      if (letter) {
        ++letters;
        capitals += rune.code >= 'A' && rune.code <= 'Z';
      }
      if (apostrophe)
        token.text.push_back('\'');
      else if (!is_dash(rune.code))
        append_folded(token.text, rune.code);
      at_ += rune.size;
    }
    token.span.end = at_;
    const bool plural = capitals >= 2 && text_[at_ - 1] == 's';  // NSAIDs
    token.capitals = capitals > 0 && capitals + (plural ? 1U : 0U) >= letters;
    if (greek && letters == 1) name_greek(token);
    const Rune dash = at_ < text_.size() ? rune_at(text_, at_) : Rune{};
    if (is_hyphen(dash.code) && is_letter(peek(at_ + dash.size))) {
      token.joined = true;
      at_ += dash.size;
    }
  }

  static void name_greek(Token& token) {
    const Rune rune = rune_at(token.text, 0);  // digits may follow: "ε4"
    if (rune.code >= 0x3B1 && rune.code <= 0x3C9) token.text.replace(0, rune.size, kGreek[rune.code - 0x3B1]);
  }

  std::string_view text_;
  std::size_t at_;
};

constexpr std::array<std::string_view, 26> kAbbreviations{
    "vs", "al", "e.g",    "i.e",  "fig", "figs", "no",  "dr",  "prof", "mr",   "mrs", "ms",  "st",
    "ca", "cf", "approx", "resp", "etc", "incl", "max", "min", "ref",  "refs", "eq",  "viz", "spp"};

// Is the full stop at `at` part of what stands before it?
bool is_abbreviation(std::string_view text, std::size_t begin, std::size_t at) {
  std::size_t start = at;
  while (start > begin &&
         (is_ascii_letter(static_cast<unsigned char>(text[start - 1])) || text[start - 1] == '.'))
    --start;
  std::string word;
  for (char letter : text.substr(start, std::min<std::size_t>(at - start, 8)))
    append_folded(word, static_cast<unsigned char>(letter));
  if (word.empty() || at - start > 8) return false;
  // "no." is an abbreviation only before a number ("no. 3").
  if (word == "no") return at + 2 < text.size() && is_digit(static_cast<unsigned char>(text[at + 2]));
  return std::find(kAbbreviations.begin(), kAbbreviations.end(), word) != kAbbreviations.end();
}

// "Fever: none" on a line of its own, and another line behind it: notes and tables end no line with a full
// stop.
bool ends_field(std::string_view text, std::size_t begin, std::size_t at) {
  constexpr std::size_t kLongestName = 40, kLongestValue = 25;  // bytes
  const std::size_t line_break = text.substr(0, at).rfind('\n');
  const std::size_t start = line_break == text.npos ? begin : std::max(begin, line_break + 1);
  const std::string_view line = text.substr(start, at - start);
  const std::size_t name = std::min(line.find_first_of(":|=\t"), line.find(" - "));
  if (name >= line.size() || name == 0 || name > kLongestName) return false;
  const std::size_t value = line.size() - name - 1;
  if (value == 0 || value > kLongestValue) return false;
  std::size_t next = at + 1;
  while (next < text.size() && text[next] == ' ') ++next;
  return next < text.size() && !(text[next] >= 'a' && text[next] <= 'z');
}

// Does a sentence end with the character at `at`?
bool ends_sentence(std::string_view text, std::size_t begin, std::size_t at) {
  const char mark = text[at];
  const char next = at + 1 < text.size() ? text[at + 1] : ' ';
  if (mark == '\n') return next == '\n' || next == '\r' || ends_field(text, begin, at);
  if (mark != '.' && mark != '!' && mark != '?') return false;
  if (static_cast<unsigned char>(next) > ' ' && next != '"' && next != ')' && next != ']') return false;
  if (mark != '.') return true;
  std::size_t after = at + 1;
  while (after < text.size() && static_cast<unsigned char>(text[after]) <= ' ') ++after;
  const bool lower = after < text.size() && text[after] >= 'a' && text[after] <= 'z';
  return !lower && !is_abbreviation(text, begin, at);
}

}  // namespace

std::vector<Span> sentences(std::string_view text) {
  std::vector<Span> found;
  const auto add = [&](std::size_t begin, std::size_t end) {
    while (begin < end && is_space(static_cast<unsigned char>(text[begin]))) ++begin;
    while (end > begin && is_space(static_cast<unsigned char>(text[end - 1]))) --end;
    if (begin < end) found.push_back({begin, end});
  };
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!ends_sentence(text, begin, at)) continue;
    add(begin, at + 1);
    begin = at + 1;
  }
  add(begin, text.size());
  return found;
}

std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += rune_at(text, at).size) ++count;
  return count;
}

std::string_view excerpt(std::string_view text, Span part, std::size_t most) {
  std::size_t end = std::min(part.end, text.size());
  if (end - part.begin > most) {
    end = part.begin + most;
    while (end > part.begin && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  }
  return text.substr(part.begin, end - part.begin);
}

std::vector<Token> tokens(std::string_view text, Span part) {
  std::vector<Token> found;
  found.reserve((part.end - part.begin) / 6 + 4);
  Scanner scanner(text, part);
  for (Token token; scanner.next(token);) found.push_back(std::move(token));
  return found;
}

}  // namespace medsynth::contradiction
