#include "medsynth/references/report/html.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

#include "medsynth/base/id.h"

namespace medsynth::references {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string_view entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return "";
  }
}

// U+0080-009F; U+061C, U+200E-200F, U+202A-202E, U+2066-2069, which show text in another order than it is in; and
// U+E0000-E0FFF, which are not shown at all.
bool is_hidden(std::string_view sequence) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 2) return (at(0) == 0xC2 && at(1) < 0xA0) || (at(0) == 0xD8 && at(1) == 0x9C);
  if (sequence.size() == 4) return at(0) == 0xF3 && at(1) == 0xA0;
  if (sequence.size() != 3 || at(0) != 0xE2) return false;
  if (at(1) == 0x80) return at(2) == 0x8E || at(2) == 0x8F || (at(2) >= 0xAA && at(2) <= 0xAE);
  return at(1) == 0x81 && at(2) >= 0xA6 && at(2) <= 0xA9;
}

std::size_t length_of(unsigned char lead) {
  return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
}

bool has_no_content(std::string_view name) {
  return name == "meta" || name == "br" || name == "hr";
}

}  // namespace

std::string Html::escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      const std::string_view named = entity(c);
      const bool control = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F;
      out += control ? kReplacement : named.empty() ? text.substr(at, 1) : named;
      ++at;
      continue;
    }
    const std::string_view sequence = text.substr(at, length_of(byte));
    const bool valid = is_utf8(sequence);
    out += valid && !is_hidden(sequence) ? sequence : kReplacement;
    at += valid ? sequence.size() : 1;
  }
  return out;
}

Html element(std::string_view name,
             std::initializer_list<std::pair<std::string_view, std::string_view>> attributes,
             const Html& content) {
  Html out;
  std::string& markup = out.markup_;
  markup.append("<").append(name);
  for (const auto& [key, value] : attributes) {
    if (!value.empty())
      markup.append(" ").append(key).append("=\"").append(Html::escaped(value)).append("\"");
  }
  markup.append(">").append(content.markup_);
  if (!has_no_content(name)) markup.append("</").append(name).append(">");
  return out;
}

Html trusted(std::string_view markup) {
  Html out;
  out.markup_ = markup;
  return out;
}

std::string csp_hash(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string hex = sha256_hex(text);
  std::string out = "sha256-";
  // Six hexadecimal digits are four of base 64; of 32 bytes the last group has four, and one "=".
  for (std::size_t at = 0; at < hex.size(); at += 6) {
    std::string group = hex.substr(at, 6);
    const std::size_t digits = group.size() == 6 ? 4 : 3;
    group.resize(6, '0');
    std::uint32_t bits = 0;
    std::from_chars(group.data(), group.data() + group.size(), bits, 16);
    for (std::size_t i = 0; i < digits; ++i) out += kDigits[bits >> (18 - 6 * i) & 63U];
  }
  return out + "=";
}

}  // namespace medsynth::references
