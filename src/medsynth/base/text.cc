#include "medsynth/base/text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/id.h"

namespace medsynth {
namespace {

constexpr std::string_view kHidden = "***";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 0: no UTF-8 begins here
};

CodePoint code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (!is_utf8(text.substr(0, bytes))) return {};
  std::uint32_t value = bytes == 1 ? lead : lead & (0x7Fu >> bytes);
  for (const char c : text.substr(1, bytes - 1)) value = value << 6 | (static_cast<unsigned char>(c) & 0x3Fu);
  return {value, bytes};
}

bool is_control(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F);
}

// Zero width or reordering: what is read is not what is there.
bool hides(std::uint32_t c) {
  return (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x2064) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0x061C || c == 0xFEFF || (c >= 0xE0000 && c <= 0xE0FFF);
}

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != set.npos;
}

// How much of `text`, which ends with a '@', may be seen: "user:" of "user:password@", nothing of the rest.
std::string_view visible_user(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return {};
  const auto plain = [](char c) {
    return is_one_of(c, kLetters) || is_one_of(c, kDigits) || is_one_of(c, "._-");
  };
  const std::string_view user = text.substr(0, colon);
  return std::all_of(user.begin(), user.end(), plain) ? text.substr(0, colon + 1) : std::string_view();
}

// Where the authority of an address begins: behind the first "//" that follows a scheme (with or without its
// ':') or nothing. Any other may be part of a password. 0: there is none.
std::size_t authority_of(std::string_view text) {
  for (std::size_t at = text.find("//"); at != text.npos; at = text.find("//", at + 1)) {
    std::string_view scheme = text.substr(0, at);
    scheme.remove_prefix(scheme.find_last_of(" '\"(=") + 1);
    if (scheme.ends_with(':')) scheme.remove_suffix(1);
    const auto fits = [](char c) {
      return is_one_of(c, kLetters) || is_one_of(c, kDigits) || is_one_of(c, "+-.");
    };
    if (std::all_of(scheme.begin(), scheme.end(), fits)) return at + 2;
  }
  return 0;
}

// "host:6379" as it is, "eve:secret" as "eve:***".
std::string without_odd_port(std::string_view address) {
  const std::size_t bracket = address.starts_with('[') ? address.find(']') : 0;
  const std::size_t colon = address.find(':', bracket == address.npos ? 0 : bracket);
  if (colon == address.npos) return std::string(address);
  const std::string_view port = address.substr(colon + 1);
  const bool number = std::all_of(port.begin(), port.end(), [](char c) { return is_one_of(c, kDigits); });
  return number ? std::string(address) : fmt::format("{}{}", address.substr(0, colon + 1), kHidden);
}

std::string without_credentials(std::string_view text) {
  const std::size_t start = authority_of(text);
  const std::size_t at = text.rfind('@');
  if (at != text.npos) {
    const std::size_t from = std::min(start, at);
    return fmt::format("{}{}{}{}", text.substr(0, from), visible_user(text.substr(from, at - from)), kHidden,
                       text.substr(at));
  }
  if (start == 0) return std::string(text);  // no address
  const std::size_t end = std::min(text.find_first_of("/?# ", start), text.size());
  std::string out(text.substr(0, start));
  bool odd = false;
  for (std::size_t from = start; from <= end;) {  // several hosts, where sentinels are meant
    const std::size_t to = std::min(text.find(',', from), end);
    const std::string_view each = text.substr(from, to - from);
    const std::string shown = without_odd_port(each);
    odd = odd || shown != each;
    out += (from == start ? "" : ",") + shown;
    from = to + 1;
  }
  if (!odd) return out.append(text.substr(end));
  // What comes behind may be the rest of the secret: up to the next word, nothing of it is shown.
  return out.append(text.substr(std::min(text.find(' ', end), text.size())));
}

// Of signed tokens (JWT), "eyJ...", three parts of base64url with dots between, the last: without it they open nothing.
std::string without_signatures(std::string out) {
  constexpr std::string_view kToken = "eyJ";  // {"
  constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (std::size_t at = out.find(kToken); at != out.npos; at = out.find(kToken, at + 1)) {
    const std::size_t claims = out.find_first_not_of(kBase64, at);
    if (claims >= out.size() || out[claims] != '.') continue;
    const std::size_t signature = out.find_first_not_of(kBase64, claims + 1);
    if (signature >= out.size() || out[signature] != '.') continue;
    const std::size_t end = std::min(out.find_first_not_of(kBase64, signature + 1), out.size());
    out.replace(signature + 1, end - signature - 1, kHidden);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text.substr(at));
    if (c.bytes == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
    else if (c.value == '\n')
      out += "\\n";
    else if (c.value == '\t')
      out += "\\t";
    else if (is_control(c.value))
      out += fmt::format("\\x{:02x}", c.value);
    else if (hides(c.value))
      out += fmt::format("\\u{:04x}", c.value);
    else
      out += text.substr(at, c.bytes);
    at += std::max<std::size_t>(c.bytes, 1);
  }
  return out;
}

std::string masked(std::string_view text) {
  constexpr std::array<std::string_view, 6> kOptions{
      "password=", "passwd=", "secret=", "token=", "api_key=", "apikey="};
  std::string out = without_credentials(text);
  for (const std::string_view option : kOptions) {
    for (std::size_t at = out.find(option); at != out.npos; at = out.find(option, at)) {
      at += option.size();
      out.replace(at, std::min(out.find_first_of("& ", at), out.size()) - at, kHidden);
    }
  }
  return out;
}

std::string without_keys(std::string_view text) {
  constexpr std::string_view kKey = "medsynth_", kHex = "0123456789abcdef";
  constexpr std::size_t kId = 12;
  std::string out(text);
  for (std::size_t at = out.find(kKey); at != out.npos; at = out.find(kKey, at)) {
    at += kKey.size();
    const std::size_t id = std::min(out.find_first_not_of(kHex, at), out.size());
    if (id != at + kId || id >= out.size() || out[id] != '_') continue;
    at = id + 1;
    out.replace(at, std::min(out.find_first_not_of(kHex, at), out.size()) - at, kHidden);
  }
  return without_signatures(std::move(out));
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
    }
  }
  return row.back();
}

}  // namespace medsynth
