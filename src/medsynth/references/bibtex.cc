// BibTeX and BibLaTeX: @type{key, name = {value}, ...}; macros of @string; LaTeX's accents and escapes as
// characters.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/references/fields.h"
#include "medsynth/references/formats.h"

namespace medsynth::references {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct Accent {
  char mark;
  std::string_view letters;                       // "aeiou..."
  std::array<std::uint32_t, 20> characters = {};  // in the order of the letters
};
constexpr std::array kAccents{
    Accent{'"', "aeiouyAEIOU", {0xE4, 0xEB, 0xEF, 0xF6, 0xFC, 0xFF, 0xC4, 0xCB, 0xCF, 0xD6, 0xDC}},
    Accent{'\'', "aeiouycnszAEIOUYCNSZ", {0xE1, 0xE9, 0xED, 0xF3, 0xFA, 0xFD, 0x107, 0x144, 0x15B, 0x17A,
                                          0xC1, 0xC9, 0xCD, 0xD3, 0xDA, 0xDD, 0x106, 0x143, 0x15A, 0x179}},
    Accent{'`', "aeiouAEIOU", {0xE0, 0xE8, 0xEC, 0xF2, 0xF9, 0xC0, 0xC8, 0xCC, 0xD2, 0xD9}},
    Accent{'^', "aeiouAEIOU", {0xE2, 0xEA, 0xEE, 0xF4, 0xFB, 0xC2, 0xCA, 0xCE, 0xD4, 0xDB}},
    Accent{'~', "anoANO", {0xE3, 0xF1, 0xF5, 0xC3, 0xD1, 0xD5}},
    Accent{'v',
           "csznretdCSZNRETD",
           {0x10D, 0x161, 0x17E, 0x148, 0x159, 0x11B, 0x165, 0x10F, 0x10C, 0x160, 0x17D, 0x147, 0x158, 0x11A,
            0x164, 0x10E}},
    Accent{'c', "csteCSTE", {0xE7, 0x15F, 0x163, 0x229, 0xC7, 0x15E, 0x162, 0x228}},
    Accent{'u', "aguAGU", {0x103, 0x11F, 0x16D, 0x102, 0x11E, 0x16C}},
    Accent{'H', "ouOU", {0x151, 0x171, 0x150, 0x170}},
    Accent{'r', "auAU", {0xE5, 0x16F, 0xC5, 0x16E}},
    Accent{'k', "aeAE", {0x105, 0x119, 0x104, 0x118}},
    Accent{'=', "aeiouAEIOU", {0x101, 0x113, 0x12B, 0x14D, 0x16B, 0x100, 0x112, 0x12A, 0x14C, 0x16A}},
    Accent{'.', "zeIZE", {0x17C, 0x117, 0x130, 0x17B, 0x116}}};

struct Command {
  std::string_view name;
  std::uint32_t character;
};
constexpr std::array kCommands{Command{"ss", 0xDF},
                               Command{"o", 0xF8},
                               Command{"O", 0xD8},
                               Command{"ae", 0xE6},
                               Command{"AE", 0xC6},
                               Command{"oe", 0x153},
                               Command{"OE", 0x152},
                               Command{"aa", 0xE5},
                               Command{"AA", 0xC5},
                               Command{"l", 0x142},
                               Command{"L", 0x141},
                               Command{"i", 0x131},
                               Command{"textendash", 0x2013},
                               Command{"textemdash", 0x2014},
                               Command{"textquoteright", 0x2019},
                               Command{"textquoteleft", 0x2018},
                               Command{"textquotedblleft", 0x201C},
                               Command{"textquotedblright", 0x201D},
                               Command{"textdegree", 0xB0},
                               Command{"textpm", 0xB1},
                               Command{"textmu", 0xB5},
                               Command{"alpha", 0x3B1},
                               Command{"beta", 0x3B2},
                               Command{"gamma", 0x3B3},
                               Command{"delta", 0x3B4},
                               Command{"epsilon", 0x3B5},
                               Command{"varepsilon", 0x3B5},
                               Command{"eta", 0x3B7},
                               Command{"theta", 0x3B8},
                               Command{"kappa", 0x3BA},
                               Command{"lambda", 0x3BB},
                               Command{"mu", 0x3BC},
                               Command{"pi", 0x3C0},
                               Command{"rho", 0x3C1},
                               Command{"sigma", 0x3C3},
                               Command{"tau", 0x3C4},
                               Command{"phi", 0x3C6},
                               Command{"chi", 0x3C7},
                               Command{"psi", 0x3C8},
                               Command{"omega", 0x3C9},
                               Command{"Delta", 0x394},
                               Command{"Omega", 0x3A9},
                               Command{"dh", 0xF0},
                               Command{"th", 0xFE},
                               Command{"approx", 0x2248},
                               Command{"sim", 0x223C},
                               Command{"simeq", 0x2243},
                               Command{"neq", 0x2260},
                               Command{"ll", 0x226A},
                               Command{"gg", 0x226B},
                               Command{"cdot", 0xB7},
                               Command{"circ", 0xB0},
                               Command{"infty", 0x221E},
                               Command{"rightarrow", 0x2192},
                               Command{"to", 0x2192},
                               Command{"pm", 0xB1},
                               Command{"times", 0xD7},
                               Command{"leq", 0x2264},
                               Command{"geq", 0x2265},
                               Command{"le", 0x2264},
                               Command{"ge", 0x2265},
                               Command{"textless", '<'},
                               Command{"textgreater", '>'},
                               Command{"textasciitilde", '~'},
                               Command{"textbackslash", '\\'},
                               Command{"textregistered", 0xAE}};

// What an accent makes of a letter; the letter where it has none.
void append_accented(std::string& out, char mark, char letter) {
  for (const Accent& each : kAccents) {
    const std::size_t at = each.mark == mark ? each.letters.find(letter) : std::string_view::npos;
    if (at != std::string_view::npos) return append_utf8(out, each.characters[at]);
  }
  out += letter;
}

// LaTeX as plain text: accents, escapes and commands; braces and dollars go.
std::string from_latex(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '{' || c == '}' || c == '$') {
      ++at;
    } else if (c == '~') {
      out += ' ';
      ++at;
    } else if (text.substr(at, 2) == "--") {
      while (at < text.size() && text[at] == '-') ++at;
      append_utf8(out, 0x2013);
    } else if (c != '\\' || at + 1 >= text.size()) {
      out += c;
      ++at;
    } else if (!is_letter(text[at + 1])) {
      const char mark = text[at + 1];
      at += 2;
      const bool accent = std::string_view("\"'`^~=.").find(mark) != std::string_view::npos;
      if (!accent) {
        // \& \% \_ \$ \{, line breaks and thin spaces; hyphenation and marks of formulas say nothing.
        if (std::string_view("\\,;: ").find(mark) != std::string_view::npos)
          out += ' ';
        else if (std::string_view("-!/()[]@").find(mark) == std::string_view::npos)
          out += mark;
        continue;
      }
      while (at < text.size() && (text[at] == '{' || is_space(text[at]))) ++at;
      if (at + 1 < text.size() && text[at] == '\\' && (text[at + 1] == 'i' || text[at + 1] == 'j')) ++at;
      if (at < text.size()) append_accented(out, mark, text[at++]);
    } else {
      std::size_t end = at + 1;
      while (end < text.size() && is_letter(text[end])) ++end;
      const std::string_view name = text.substr(at + 1, end - at - 1);
      at = end;
      const bool accent =
          name.size() == 1 && std::string_view("vcuHrk").find(name[0]) != std::string_view::npos;
      const auto* command = std::find_if(kCommands.begin(), kCommands.end(),
                                         [&](const Command& each) { return each.name == name; });
      if (accent) {
        while (at < text.size() && (text[at] == '{' || is_space(text[at]))) ++at;
        if (at < text.size()) append_accented(out, name[0], text[at++]);
      } else if (command != kCommands.end()) {
        append_utf8(out, command->character);
        if (at < text.size() && text[at] == ' ') ++at;
      } else {
        while (at < text.size() && is_space(text[at]))
          ++at;  // \emph{...}, \textit{...}: what they hold stays
      }
    }
  }
  return out;
}

std::optional<Meaning> meaning_of(std::string_view name) {
  if (name == "title") return Meaning::title;
  if (name == "abstract") return Meaning::abstract;
  if (name == "year" || name == "date") return Meaning::year;
  if (name == "journal" || name == "journaltitle" || name == "booktitle") return Meaning::journal;
  if (name == "doi") return Meaning::doi;
  if (name == "pmid" || name == "eprint-pubmed") return Meaning::pmid;
  if (name == "language" || name == "langid") return Meaning::language;
  if (name == "url") return Meaning::url;
  if (name == "note" || name == "annote" || name == "annotation") return Meaning::note;
  return std::nullopt;
}

// The names between the words "and", which lines may part; one in braces is a name's own.
std::vector<std::string_view> people_in(std::string_view text) {
  std::vector<std::string_view> found;
  std::size_t from = 0;
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    depth += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
    if (text[at] == '\\') ++at;  // "\{" is a sign
    if (depth != 0 || at >= text.size() || !is_space(text[at]) || text.substr(at + 1, 3) != "and" ||
        at + 4 >= text.size() || !is_space(text[at + 4]))
      continue;
    found.push_back(text.substr(from, at - from));
    from = at + 4;
    at += 3;
  }
  found.push_back(text.substr(from));
  return found;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Part read() {
    while (true) {
      const std::size_t at = text_.find('@', at_);
      if (at == text_.npos) return std::move(part_);
      move_to(at + 1);
      const std::int64_t line = line_;
      const std::string type = lower(word());
      skip_space();
      if (type == "comment" || at_ >= text_.size() || (text_[at_] != '{' && text_[at_] != '('))
        continue;  // not an entry
      const char closing = text_[at_] == '{' ? '}' : ')';
      move_to(at_ + 1);
      if (type == "preamble")
        value(closing);
      else if (type == "string")
        macro(closing);
      else if (!entry(type, closing, line))
        part_.warnings.push_back(
            {line,
             fmt::format("this entry (@{}) is damaged: what could be read of it was, up to line {}",
                         clean(std::string_view(type).substr(0, 40)), line_),
             ""});
    }
  }

 private:
  void move_to(std::size_t at) {
    at = std::min(at, text_.size());
    line_ += std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                        text_.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    at_ = at;
  }
  void skip_space() {
    std::size_t at = at_;
    while (at < text_.size() && is_space(text_[at])) ++at;
    move_to(at);
  }
  std::string_view word() {
    skip_space();
    std::size_t end = at_;
    while (end < text_.size() && !is_space(text_[end]) &&
           std::string_view("{}(),=#\"@%").find(text_[end]) == std::string_view::npos)
      ++end;
    const std::string_view found = text_.substr(at_, end - at_);
    move_to(end);
    return found;
  }
  // Whatever stands before the first comma: keys may have parentheses, and addresses are taken for them too.
  // Nothing where the first field stands there.
  std::string key() {
    skip_space();
    const std::size_t end = text_.find_first_of(",=}\n", at_);
    if (end == text_.npos || text_[end] == '=') return "";
    const std::string found = trimmed(text_.substr(at_, end - at_));
    move_to(end);
    return found;
  }
  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    move_to(at_ + 1);
    return true;
  }

  // {...} with its nested braces, or "...": what is inside. Nothing where it does not end.
  std::optional<std::string_view> quoted() {
    const bool braces = text_[at_] == '{';
    int depth = 0;
    for (std::size_t at = at_; at < text_.size(); ++at) {
      const char c = text_[at];
      if (c == '\\') {
        ++at;
      } else if (c == '{') {
        ++depth;
      } else if (c == '}') {
        if (--depth < 0 || (braces && depth == 0)) return inside(at);
      } else if (!braces && c == '"' && depth == 0 && at > at_) {
        return inside(at);
      }
    }
    return std::nullopt;
  }
  std::string_view inside(std::size_t end) {
    const std::string_view found = text_.substr(at_ + 1, end - at_ - 1);
    move_to(end + 1);
    return found;
  }

  // A value: pieces joined by '#', each quoted, a number or a macro.
  std::optional<std::string> value(char closing) {
    std::string out;
    do {
      skip_space();
      if (at_ >= text_.size()) return std::nullopt;
      if (text_[at_] == '{' || text_[at_] == '"') {
        const auto piece = quoted();
        if (!piece) return std::nullopt;
        out += *piece;
      } else {
        const std::string_view name = word();
        if (name.empty() && text_[at_] != ',' && text_[at_] != closing) return std::nullopt;
        const auto known = macros_.find(lower(name));
        out += known == macros_.end() ? std::string(name) : known->second;
      }
    } while (take('#'));
    return out;
  }

  void macro(char closing) {
    const std::string name = lower(word());
    if (!take('=')) return;
    if (auto text = value(closing); text && macros_.size() < 10'000) macros_[name] = std::move(*text);
  }

  // False where it is damaged; what was read of it is kept.
  bool entry(const std::string& type, char closing, std::int64_t line) {
    Reference reference;
    reference.line = line;
    reference.id = key();
    reference.publication_types = {type};
    bool whole = true;
    // What counts together with another field.
    std::map<std::string, std::string> held{
        {"subtitle", ""}, {"eprint", ""}, {"eprinttype", ""}, {"archiveprefix", ""}};
    for (bool more = take(',') || reference.id.empty(); more; more = take(',')) {
      const std::string name = lower(word());
      if (name.empty()) break;  // a comma behind the last field
      const bool equals = take('=');
      const auto text = equals ? value(closing) : std::nullopt;
      if (!text) {
        whole = false;
        break;
      }
      if (const auto holds = held.find(name); holds != held.end())
        holds->second = *text;
      else
        set(reference, name, *text);
    }
    whole = whole && take(closing);
    if (!held["subtitle"].empty() && !reference.title.empty())
      reference.title += ": " + clean(from_latex(held["subtitle"]));
    if (lower(held["eprinttype"] + held["archiveprefix"]) == "pubmed")
      put(reference, Meaning::pmid, held["eprint"]);
    finish(reference);
    part_.references.push_back(std::move(reference));
    return whole;
  }

  static void set(Reference& reference, const std::string& name, const std::string& text) {
    if (name == "author") {
      for (const std::string_view each : people_in(text))
        if (trimmed(each) != "others") put(reference, Meaning::author, from_latex(each));
    } else if (const auto meaning = meaning_of(name)) {
      const bool verbatim = *meaning == Meaning::doi || *meaning == Meaning::url;
      std::string plain = verbatim ? text : from_latex(text);
      if (verbatim) std::erase_if(plain, [](char c) { return c == '\\' || c == '{' || c == '}'; });
      put(reference, *meaning, plain);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
  std::map<std::string, std::string> macros_;
  Part part_;
};

}  // namespace

Part read_bibtex(std::string_view text) {
  return Reader(text).read();
}

}  // namespace medsynth::references
