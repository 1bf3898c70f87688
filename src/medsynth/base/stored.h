// Described structs (described.h) as another version wrote them, in places that both read and write: what is
// known is read, the rest is passed over. Thread safe (no state).
//
//   std::vector<Fault> faults;
//   const Snapshot snapshot = described::from_stored<Snapshot>(value, faults);
//
// Never fails: unknown members pass, absent ones keep the struct's own default, and so do those that are
// wrong (another type, outside their Field's range, no finite number), each with a fault, of which the first
// kMaxStoredFaults are kept. An element of a list or map that is wrong is left out.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "medsynth/base/described.h"

namespace medsynth::described {

inline constexpr std::size_t kMaxStoredFaults = 8;

namespace detail {
// False when `out` stays as it is.
template <class T>
bool read_stored(const json::value& in, T& out, const Field* rule, const std::string& at,
                 std::vector<Fault>& faults) {
  const auto wrong = [&](std::string why) {
    if (faults.size() < kMaxStoredFaults) faults.push_back({at, std::move(why)});
    return false;
  };
  if constexpr (is_optional<T>) {
    if (in.is_null()) return out.reset(), true;
    typename T::value_type value{};
    if (!read_stored(in, value, rule, at, faults)) return false;
    out = std::move(value);
  } else if constexpr (is_vector<T>) {
    if (!in.is_array()) return wrong("must be an array");
    out.clear();
    std::size_t index = 0;
    for (const json::value& element : in.get_array()) {
      typename T::value_type value{};
      if (read_stored(element, value, nullptr, at + "/" + std::to_string(index++), faults))
        out.push_back(std::move(value));
    }
  } else if constexpr (is_map<T>) {
    if (!in.is_object()) return wrong("must be an object");
    out.clear();
    for (const auto& [name, member] : in.get_object()) {
      typename T::mapped_type value{};
      if (read_stored(member, value, nullptr, pointer_to(at, name), faults))
        out[std::string(name)] = std::move(value);
    }
  } else if constexpr (Struct<T>) {
    const json::object* object = in.if_object();
    if (!object) return wrong("must be an object");
    for_each_member<T>([&](std::string_view name, auto pointer) {
      if (const json::value* member = object->if_contains(name))
        read_stored(*member, out.*pointer, find_field(Rules<T>::fields, name), pointer_to(at, name), faults);
    });
  } else if constexpr (std::is_same_v<T, json::value> || std::is_same_v<T, json::object> ||
                       std::is_same_v<T, json::array>) {
    json::value copy = in;
    json::drop_non_finite(copy);
    auto value = from_value<T>(copy);
    if (!value) return wrong(value.error().faults.front().detail);
    out = std::move(*value);
  } else {
    auto value = from_value<T>(in);
    if (!value) return wrong(value.error().faults.front().detail);
    if constexpr (std::is_arithmetic_v<T>) {
      const auto number = static_cast<double>(*value);
      if (!std::isfinite(number)) return wrong("must be a finite number");
      if (rule && (number < rule->minimum || number > rule->maximum)) return wrong("is out of range");
    }
    out = std::move(*value);
  }
  return true;
}

}  // namespace detail

template <Struct T>
T from_stored(const json::value& in, std::vector<Fault>& faults) {
  T out{};
  detail::read_stored(in, out, nullptr, "", faults);
  return out;
}

}  // namespace medsynth::described
