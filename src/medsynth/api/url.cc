#include "medsynth/api/url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "medsynth/base/id.h"

namespace medsynth::api {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// What cannot be read as its kind stays text: the description then says what was expected.
json::value typed(std::string text, detail::Kind kind) {
  switch (kind) {
    case detail::Kind::boolean:
    case detail::Kind::toggle:
      if (text == "true" || text == "1") return true;
      if (text == "false" || text == "0") return false;
      break;
    case detail::Kind::integer:
      if (const auto value = number<std::int64_t>(text)) return *value;
      break;
    case detail::Kind::number:
      if (const auto value = number<double>(text)) return *value;
      break;
    case detail::Kind::text:
      break;
  }
  return json::value(text);
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, const std::string& pointer, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[at] == '%') {
      const int high = at + 1 < text.size() ? hex_digit(text[at + 1]) : -1;
      const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
      if (high < 0 || low < 0)
        return invalid(pointer, "has a % that is not followed by two hexadecimal digits");
      decoded += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      decoded += text[at];
    }
  }
  if (!is_utf8(decoded)) return invalid(pointer, "must be valid UTF-8");
  return decoded;
}

std::string percent_encode(std::string_view segment) {
  std::string encoded;
  for (const char c : segment) {
    if (is_unreserved(c))
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

void split_path(std::string_view path, std::vector<std::string_view>& segments) {
  segments.clear();
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return;
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return;
    path.remove_prefix(slash + 1);
  }
}

namespace detail {

Result<json::object> query_object(std::string_view query, std::span<const Parameter> parameters) {
  json::object object;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    BOOST_OUTCOME_TRY(auto name, percent_decode(pair.substr(0, equals), "", true));
    const std::string pointer = described::pointer_to("", name);
    BOOST_OUTCOME_TRY(auto text,
                      percent_decode(pair.substr(std::min(equals + 1, pair.size())), pointer, true));
    const auto known = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const Parameter& each) { return each.name == name; });
    if (object.contains(name)) return invalid(pointer, "is given more than once");
    const Kind kind = known == parameters.end() ? Kind::text : known->kind;
    if (text.empty() && known != parameters.end()) {
      if (kind != Kind::toggle || equals != pair.size())
        return invalid(pointer, "must not be empty: give it a value, or leave it out");
      text = "true";
    }
    object[name] = typed(std::move(text), kind);
  }
  return object;
}

}  // namespace detail
}  // namespace medsynth::api
