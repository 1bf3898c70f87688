#include "medsynth/api/url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "medsynth/base/id.h"

namespace medsynth::api {
namespace {

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
  std::string spaced(plus_is_space ? text : "");
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  auto decoded = medsynth::percent_decode(plus_is_space ? spaced : text);
  if (!decoded) return invalid(pointer, "has a % that is not followed by two hexadecimal digits");
  if (!is_utf8(*decoded)) return invalid(pointer, "must be valid UTF-8");
  return std::move(*decoded);
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
