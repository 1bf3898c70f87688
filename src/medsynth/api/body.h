// A request's JSON body as a described payload. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "medsynth/base/described.h"
#include "medsynth/base/error.h"
#include "medsynth/base/json.h"

namespace medsynth::api {

// Values (numbers, members, elements, ...) of one body: each takes 24 bytes or more once it is read, up to
// twelve times its text.
inline constexpr std::size_t kMaxValues = 1'000'000;

// Errors of json::parse(), and invalid_argument (pointer "") for more than kMaxValues.
Result<json::value> read_json(std::string_view body);

template <described::Struct T>
Result<T> parse_body(std::string_view body) {
  BOOST_OUTCOME_TRY(auto value, read_json(body));
  return described::from_value<T>(value);
}

}  // namespace medsynth::api
