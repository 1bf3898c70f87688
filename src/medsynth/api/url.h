// Targets of requests: percent-decoding, path segments, and query strings as described structs. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medsynth/base/described.h"
#include "medsynth/base/error.h"
#include "medsynth/base/percent.h"

namespace medsynth::api {

// Decoded once; invalid_argument with `pointer` for a broken escape or for what is not UTF-8 afterwards.
Result<std::string> percent_decode(std::string_view text, const std::string& pointer,
                                   bool plus_is_space = false);

// "/v1/tasks/a%2Fb/" -> v1, tasks, a%2Fb: split before decoding, one slash at the end does not count.
void split_path(std::string_view path, std::vector<std::string_view>& segments);

namespace detail {
enum class Kind { text, boolean, toggle, integer, number };
struct Parameter {
  std::string_view name;
  Kind kind;
};
// The pairs of `query`, each with the type of its parameter where it can be read as one; unknown names stay
// text.
Result<json::object> query_object(std::string_view query, std::span<const Parameter> parameters);

template <class T>
constexpr Kind kind_of() {
  if constexpr (std::same_as<T, std::optional<bool>>)
    return Kind::toggle;  // its name alone switches it on
  else if constexpr (described::detail::is_optional<T>)
    return kind_of<typename T::value_type>();
  else if constexpr (std::same_as<T, bool>)
    return Kind::boolean;
  else if constexpr (std::integral<T>)
    return Kind::integer;
  else if constexpr (std::floating_point<T>)
    return Kind::number;
  else
    return Kind::text;
}
}  // namespace detail

// The query string as a described struct: unknown names, repeated ones, empty, wrong types and values are
// invalid_argument with pointers like "/limit". Empty never means absent: a filter that came out empty must
// not widen what is done. `?verbose` alone is true, for an optional bool.
template <described::Struct Query>
Result<Query> parse_query(std::string_view query) {
  std::vector<detail::Parameter> parameters;
  described::for_each_member<Query>([&](std::string_view name, auto pointer) {
    parameters.push_back(
        {name, detail::kind_of<std::remove_cvref_t<decltype(std::declval<Query>().*pointer)>>()});
  });
  BOOST_OUTCOME_TRY(auto object, detail::query_object(query, parameters));
  return described::from_value<Query>(object);
}

}  // namespace medsynth::api
