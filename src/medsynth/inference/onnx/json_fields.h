// Fields of the JSON files that lie beside a model, where one that is absent, null or of another type has a
// fallback. Pure, thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "medsynth/base/json.h"

namespace medsynth::inference::onnx {

inline Error not_a_tokenizer(std::string_view why) {
  return {Code::invalid_argument, fmt::format("the model's tokenizer cannot be used: {}", why),
          "not_a_tokenizer"};
}

inline const json::value& at(const json::value& object, std::string_view name) {
  static const json::value kNull;
  const json::value* found = object.is_object() ? object.get_object().if_contains(name) : nullptr;
  return found ? *found : kNull;
}
inline std::string string_at(const json::value& object, std::string_view name,
                             std::string_view fallback = "") {
  const json::value& found = at(object, name);
  return std::string(found.is_string() ? std::string_view(found.get_string()) : fallback);
}
inline bool bool_at(const json::value& object, std::string_view name, bool fallback) {
  const json::value& found = at(object, name);
  return found.is_bool() ? found.get_bool() : fallback;
}
inline std::int64_t integer_at(const json::value& object, std::string_view name, std::int64_t fallback) {
  const json::value& found = at(object, name);
  return found.is_int64() ? found.get_int64() : fallback;
}
inline const json::array& array_at(const json::value& object, std::string_view name) {
  static const json::array kNone;
  const json::value& found = at(object, name);
  return found.is_array() ? found.get_array() : kNone;
}

}  // namespace medsynth::inference::onnx
