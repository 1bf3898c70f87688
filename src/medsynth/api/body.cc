#include "medsynth/api/body.h"

#include <fmt/format.h>

namespace medsynth::api {
namespace {

// An upper bound, of any text: what separates values, outside of strings.
std::size_t count_values(std::string_view text) {
  std::size_t count = 1;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string && c == '\\')
      ++at;
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == ',' || c == ':' || c == '[' || c == '{'))
      ++count;
  }
  return count;
}

}  // namespace

Result<json::value> read_json(std::string_view body) {
  if (body.size() > kMaxValues && count_values(body) > kMaxValues)
    return invalid("", fmt::format("has more than {} values: send it in parts", kMaxValues));
  return json::parse(body);
}

}  // namespace medsynth::api
