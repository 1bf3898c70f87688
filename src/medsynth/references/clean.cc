// What a text stands for, without its markup.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "medsynth/references/fields.h"

namespace medsynth::references {
namespace {

struct Entity {
  std::string_view name;
  std::uint32_t code_point;
};
// Those that occur in exported titles and abstracts (HTML 4.01, section 24).
constexpr std::array kEntities{
    Entity{"amp", '&'},      Entity{"lt", '<'},       Entity{"gt", '>'},        Entity{"quot", '"'},
    Entity{"apos", '\''},    Entity{"nbsp", ' '},     Entity{"ensp", ' '},      Entity{"emsp", ' '},
    Entity{"thinsp", ' '},   Entity{"ndash", 0x2013}, Entity{"mdash", 0x2014},  Entity{"lsquo", 0x2018},
    Entity{"rsquo", 0x2019}, Entity{"ldquo", 0x201C}, Entity{"rdquo", 0x201D},  Entity{"hellip", 0x2026},
    Entity{"bull", 0x2022},  Entity{"middot", 0xB7},  Entity{"deg", 0xB0},      Entity{"plusmn", 0xB1},
    Entity{"micro", 0xB5},   Entity{"times", 0xD7},   Entity{"divide", 0xF7},   Entity{"le", 0x2264},
    Entity{"ge", 0x2265},    Entity{"ne", 0x2260},    Entity{"asymp", 0x2248},  Entity{"minus", 0x2212},
    Entity{"sup2", 0xB2},    Entity{"sup3", 0xB3},    Entity{"frac12", 0xBD},   Entity{"copy", 0xA9},
    Entity{"reg", 0xAE},     Entity{"trade", 0x2122}, Entity{"alpha", 0x3B1},   Entity{"beta", 0x3B2},
    Entity{"gamma", 0x3B3},  Entity{"delta", 0x3B4},  Entity{"epsilon", 0x3B5}, Entity{"kappa", 0x3BA},
    Entity{"lambda", 0x3BB}, Entity{"mu", 0x3BC},     Entity{"pi", 0x3C0},      Entity{"rho", 0x3C1},
    Entity{"sigma", 0x3C3},  Entity{"tau", 0x3C4},    Entity{"chi", 0x3C7},     Entity{"omega", 0x3C9},
    Entity{"Delta", 0x394},  Entity{"Omega", 0x3A9},  Entity{"auml", 0xE4},     Entity{"ouml", 0xF6},
    Entity{"uuml", 0xFC},    Entity{"Auml", 0xC4},    Entity{"Ouml", 0xD6},     Entity{"Uuml", 0xDC},
    Entity{"szlig", 0xDF},   Entity{"eacute", 0xE9},  Entity{"egrave", 0xE8},   Entity{"ecirc", 0xEA},
    Entity{"euml", 0xEB},    Entity{"aacute", 0xE1},  Entity{"agrave", 0xE0},   Entity{"acirc", 0xE2},
    Entity{"aring", 0xE5},   Entity{"aelig", 0xE6},   Entity{"ccedil", 0xE7},   Entity{"iacute", 0xED},
    Entity{"icirc", 0xEE},   Entity{"ntilde", 0xF1},  Entity{"oacute", 0xF3},   Entity{"ocirc", 0xF4},
    Entity{"oslash", 0xF8},  Entity{"uacute", 0xFA},  Entity{"atilde", 0xE3},   Entity{"otilde", 0xF5},
    Entity{"rarr", 0x2192},  Entity{"larr", 0x2190},  Entity{"infin", 0x221E},  Entity{"prime", 0x2032}};

// Inline markup of HTML, JATS and MathML; anything else between < and > is text ("p<0.05 and n>3").
constexpr std::array<std::string_view, 40> kTags{
    "i",     "b",   "em",       "strong",    "sub",  "sup",   "p",    "br",       "u",      "span",
    "div",   "h1",  "h2",       "h3",        "h4",   "li",    "ul",   "ol",       "italic", "bold",
    "title", "sec", "abstract", "underline", "sc",   "small", "font", "tt",       "inf",    "math",
    "mi",    "mn",  "mo",       "mrow",      "msub", "msup",  "a",    "ext-link", "strike", "monospace"};
constexpr std::array<std::string_view, 11> kBlocks{"p",  "br", "div",   "h1",  "h2",      "h3",
                                                   "h4", "li", "title", "sec", "abstract"};

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Length of the entity at the beginning of `text` ("&amp;"), 0 for none; its character goes to `out`.
std::size_t take_entity(std::string_view text, std::string& out) {
  const std::size_t end = text.substr(0, 12).find(';');
  if (end == text.npos || end < 2) return 0;
  std::string_view name = text.substr(1, end - 1);
  if (name[0] == '#') {
    name.remove_prefix(1);
    const bool hex = !name.empty() && (name[0] == 'x' || name[0] == 'X');
    if (hex) name.remove_prefix(1);
    std::uint32_t code = 0;
    const auto [last, error] = std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
    if (name.empty() || error != std::errc() || last != name.data() + name.size()) return 0;
    append_utf8(out, code < 0x20 ? ' ' : code);
    return end + 1;
  }
  const auto* found =
      std::find_if(kEntities.begin(), kEntities.end(), [&](const Entity& e) { return e.name == name; });
  if (found == kEntities.end()) return 0;
  append_utf8(out, found->code_point);
  return end + 1;
}

// Length of the inline tag at the beginning of `text` ("</jats:sub>"), 0 for none; `block` says that it parts
// words.
std::size_t tag_at(std::string_view text, bool& block) {
  const std::size_t end = text.substr(0, 300).find('>');
  if (end == text.npos || end < 2) return 0;
  std::string_view name = text.substr(1, end - 1);
  if (name[0] == '/') name.remove_prefix(1);
  if (const std::size_t colon = name.find(':'); colon != name.npos && colon < 6)
    name.remove_prefix(colon + 1);
  name = name.substr(0, name.find_first_of(" \t\r\n/"));
  const std::string plain = lower(name);
  if (std::find(kTags.begin(), kTags.end(), plain) == kTags.end()) return 0;
  block = std::find(kBlocks.begin(), kBlocks.end(), plain) != kBlocks.end();
  return end + 1;
}

}  // namespace

std::string lower(std::string_view ascii) {
  std::string out(ascii);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = 0xFFFD;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

std::string clean(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto space = [&] {
    if (!out.empty() && out.back() != ' ') out += ' ';
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    bool block = false;
    std::string character;
    if (const std::size_t tag = c == '<' ? tag_at(text.substr(at), block) : 0; tag > 0) {
      if (block) space();
      at += tag;
    } else if (const std::size_t entity = c == '&' ? take_entity(text.substr(at), character) : 0;
               entity > 0) {
      if (character == " ")
        space();
      else
        out += character;
      at += entity;
    } else if (is_space(c)) {
      space();
      ++at;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      ++at;                                         // control characters say nothing
    } else if (text.substr(at, 2) == "\xC2\xA0") {  // no-break space
      space();
      at += 2;
    } else {
      out += c;
      ++at;
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace medsynth::references
