// Payloads, described once: a struct listed with BOOST_DESCRIBE_STRUCT is parsed, checked, written and
// documented from that one description. Thread safe (no state).
//
//   struct Detect { std::string claim1; std::optional<std::string> task_id; };
//   BOOST_DESCRIBE_STRUCT(Detect, (), (claim1, task_id))
//   template <> struct medsynth::described::Rules<Detect> {
//     static constexpr std::array fields{Field{.name = "claim1", .help = "First claim", .min_size = 1,
//     .max_size = 32768}};
//   };
//   Result<Detect> detect = described::parse<Detect>(body);      // all faults at once, each with its JSON
//   pointer std::string text = json::write(described::to_value(*detect)); json::value schema =
//   described::schema<Detect>();            // JSON Schema 2020-12, as OpenAPI 3.1 uses it
//
// Types: bool, integers (range checked), double, std::string, json::value/object/array, std::optional (null
// or absent), std::vector, std::map<std::string, T>, described enums (by enumerator name), described structs.
// A member that is not optional must be there unless its Field says `optional`: then the struct's own default
// stays. Unknown members are faults unless Rules say `static constexpr bool open = true`.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/describe.hpp>
#include <boost/mp11/algorithm.hpp>

#include "medsynth/base/json.h"

namespace medsynth::described {

// What a member must satisfy beyond its type, and what it means. Sizes count bytes of a string, elements of
// an array.
struct Field {
  std::string_view name;
  std::string_view help = "";
  bool optional = false;
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  std::size_t min_size = 0;
  std::size_t max_size = std::numeric_limits<std::size_t>::max();
};

// Specialise for a struct to give `fields` (std::array<Field, N>), `open = true` to let unknown members pass,
// and with it `unknown`, a pointer to a std::vector<std::string> member that keeps their names (the first
// 50).
template <class T>
struct Rules {
  static constexpr std::array<Field, 0> fields{};
};

template <class T>
concept Struct = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;
template <class T>
concept Enum = boost::describe::has_describe_enumerators<T>::value;

template <class T>
using Members =
    boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

// Calls visit(name, member pointer) for each member in the order of the description.
template <Struct T, class Visit>
void for_each_member(Visit&& visit) {
  boost::mp11::mp_for_each<Members<T>>(
      [&](auto member) { visit(std::string_view(member.name), member.pointer); });
}

const Field* find_field(std::span<const Field> fields, std::string_view name);
std::string pointer_to(std::string_view parent, std::string_view name);  // RFC 6901 escapes
// "" or " (did you mean 'x'?)"; "" for names beyond 64 bytes.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> known);

// A place in a document that is being read: its pointer is spelled out only where something is wrong, since
// nearly all places are right.
struct Place {
  const Place* parent = nullptr;
  std::string_view name = {};  // of a member; at the root, the pointer that all begin with
  std::size_t index = 0;       // of an element
  enum class Kind { root, member, element } kind = Kind::root;

  Place member(std::string_view name_) const { return {this, name_, 0, Kind::member}; }
  Place element(std::size_t index_) const { return {this, {}, index_, Kind::element}; }
  std::string pointer() const;  // RFC 6901; a name beyond 200 bytes is cut
};

// What is wrong with one document, in order. The first 100 faults are kept, and reading ends there: nobody
// reads more, and a document could have millions.
class Faults {
 public:
  static constexpr std::size_t kMax = 100;
  void add(std::string pointer, std::string detail);
  void add(const Place& at, std::string detail);
  bool none() const { return faults_.empty(); }
  bool full() const { return more_; }
  // Precondition: not none(). invalid_argument, reason "invalid_field"; the last fault says when there may be
  // more.
  Error error() &&;

 private:
  std::vector<Fault> faults_;
  bool more_ = false;
};

template <Struct T>
std::vector<std::string_view> member_names() {
  std::vector<std::string_view> names;
  for_each_member<T>([&](std::string_view name, auto) { names.push_back(name); });
  return names;
}

template <Enum T>
std::string_view enum_name(T wanted) {
  std::string_view found = "?";
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto each) {
    if (each.value == wanted) found = each.name;
  });
  return found;
}

template <Enum T>
std::optional<T> enum_from(std::string_view name) {
  std::optional<T> found;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto each) {
    if (name == each.name) found = each.value;
  });
  return found;
}

template <Enum T>
std::vector<std::string_view> enum_names() {
  std::vector<std::string_view> names;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
      [&](auto each) { names.push_back(each.name); });
  return names;
}

namespace detail {

template <class>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class>
inline constexpr bool is_map = false;
template <class T>
inline constexpr bool is_map<std::map<std::string, T>> = true;

std::string join(std::span<const std::string_view> words);
// False: too many, so that it is not worth reading them.
bool check_size(std::size_t size, const Field* rule, std::string_view unit, const Place& at, Faults& faults);
void check_range(double number, const Field* rule, const Place& at, Faults& faults);
bool is_whole(double number);
double shortest(float number);  // the double whose text is the float's: 0.1f is 0.1, not 0.10000000149011612
json::object schema_limits(json::object schema, const Field* rule, std::string_view size_suffix);

// Reads one value into `out`; adds a fault for everything that is wrong, until `faults` are full.
template <class T>
void read(const json::value& in, T& out, const Field* rule, const Place& at, Faults& faults);

template <Struct T>
void read_struct(const json::value& in, T& out, const Place& at, Faults& faults) {
  const json::object* object = in.if_object();
  if (!object) return faults.add(at, "must be an object");
  for_each_member<T>([&](std::string_view name, auto pointer) {
    using M = std::remove_cvref_t<decltype(out.*pointer)>;
    const Field* rule = find_field(Rules<T>::fields, name);
    const json::value* member = object->if_contains(name);
    if (member) return read(*member, out.*pointer, rule, at.member(name), faults);
    if constexpr (!is_optional<M>) {
      if (!rule || !rule->optional) faults.add(at.member(name), "is required");
    }
  });
  constexpr bool open = requires { requires Rules<T>::open; };
  if constexpr (!open) {
    const auto known = member_names<T>();
    for (const auto& [name, member] : *object) {
      if (faults.full()) return;
      if (std::find(known.begin(), known.end(), std::string_view(name)) == known.end())
        faults.add(at.member(name), "is not a known field" + did_you_mean(name, known));
    }
  } else if constexpr (requires { Rules<T>::unknown; }) {
    constexpr std::size_t kMostNames = 50;
    const auto known = member_names<T>();
    auto& names = out.*Rules<T>::unknown;
    for (const auto& [name, member] : *object) {
      if (names.size() >= kMostNames) break;
      if (std::find(known.begin(), known.end(), std::string_view(name)) == known.end())
        names.emplace_back(name);
    }
  }
}

template <class T>
void read_vector(const json::value& in, std::vector<T>& out, const Field* rule, const Place& at,
                 Faults& faults) {
  if (!in.is_array()) return faults.add(at, "must be an array");
  if (!check_size(in.get_array().size(), rule, "elements", at, faults)) return;
  out.clear();
  out.reserve(in.get_array().size());
  for (const json::value& element : in.get_array()) {
    if (faults.full()) return;
    const Place place = at.element(out.size());
    read(element, out.emplace_back(), nullptr, place, faults);
  }
}

template <class T>
void read_map(const json::value& in, std::map<std::string, T>& out, const Place& at, Faults& faults) {
  if (!in.is_object()) return faults.add(at, "must be an object");
  out.clear();
  for (const auto& [name, member] : in.get_object()) {
    if (faults.full()) return;
    read(member, out[std::string(name)], nullptr, at.member(name), faults);
  }
}

template <class T>
void read(const json::value& in, T& out, const Field* rule, const Place& at, Faults& faults) {
  if constexpr (is_optional<T>) {
    if (in.is_null()) return out.reset();
    read(in, out.emplace(), rule, at, faults);
  } else if constexpr (std::same_as<T, json::value>) {
    out = in;
  } else if constexpr (std::same_as<T, json::object>) {
    if (in.is_object())
      out = in.get_object();
    else
      faults.add(at, "must be an object");
  } else if constexpr (std::same_as<T, json::array>) {
    if (!in.is_array()) return faults.add(at, "must be an array");
    if (check_size(in.get_array().size(), rule, "elements", at, faults)) out = in.get_array();
  } else if constexpr (std::same_as<T, bool>) {
    if (in.is_bool())
      out = in.get_bool();
    else
      faults.add(at, "must be true or false");
  } else if constexpr (std::integral<T>) {
    boost::system::error_code error;
    const bool whole = in.is_int64() || in.is_uint64() || (in.is_double() && is_whole(in.get_double()));
    if (!whole) return faults.add(at, "must be a whole number");
    out = in.to_number<T>(error);
    if (error) return faults.add(at, "is out of range");
    check_range(static_cast<double>(out), rule, at, faults);
  } else if constexpr (std::floating_point<T>) {
    if (!in.is_number()) return faults.add(at, "must be a number");
    out = in.to_number<T>();
    check_range(out, rule, at, faults);
  } else if constexpr (std::same_as<T, std::string>) {
    if (!in.is_string()) return faults.add(at, "must be a string");
    if (check_size(in.get_string().size(), rule, "bytes", at, faults)) out = in.get_string();
  } else if constexpr (is_vector<T>) {
    read_vector(in, out, rule, at, faults);
  } else if constexpr (is_map<T>) {
    read_map(in, out, at, faults);
  } else if constexpr (Enum<T>) {
    const auto found = in.is_string() ? enum_from<T>(in.get_string()) : std::nullopt;
    if (found)
      out = *found;
    else
      faults.add(at, "must be one of " + join(enum_names<T>()));
  } else {
    read_struct(in, out, at, faults);
  }
}

}  // namespace detail

// `in` as a T, or invalid_argument (reason "invalid_field") with its faults, each with a pointer that begins
// with `pointer`.
template <class T>
Result<T> from_value(const json::value& in, std::string_view pointer = "") {
  T out{};
  Faults faults;
  detail::read(in, out, nullptr, Place{.name = pointer}, faults);
  if (faults.none()) return out;
  return std::move(faults).error();
}

template <class T>
Result<T> parse(std::string_view text) {
  BOOST_OUTCOME_TRY(auto value, json::parse(text));
  return from_value<T>(value);
}

template <class T>
json::value to_value(const T& in) {
  if constexpr (detail::is_optional<T>) {
    return in ? to_value(*in) : json::value(nullptr);
  } else if constexpr (detail::is_vector<T>) {
    json::array out;
    for (const auto& element : in) out.push_back(to_value(element));
    return out;
  } else if constexpr (detail::is_map<T>) {
    json::object out;
    for (const auto& [name, member] : in) out[name] = to_value(member);
    return out;
  } else if constexpr (Enum<T>) {
    return json::value(enum_name(in));
  } else if constexpr (Struct<T>) {
    json::object out;
    for_each_member<T>([&](std::string_view name, auto pointer) { out[name] = to_value(in.*pointer); });
    return out;
  } else if constexpr (std::same_as<T, float>) {
    return json::value(detail::shortest(in));
  } else {
    return json::value(in);
  }
}

template <class T>
std::string write(const T& in) {
  return json::write(to_value(in));
}

// JSON Schema of T, nested structs written out in place.
template <class T>
json::object schema(const Field* rule = nullptr) {
  using namespace detail;
  json::object out;
  if constexpr (is_optional<T>) {
    out = schema<typename T::value_type>(rule);
    if (auto* type = out.if_contains("type"); type && type->is_string()) *type = json::array{*type, "null"};
    return out;
  } else if constexpr (std::same_as<T, json::value>) {
  } else if constexpr (std::same_as<T, json::object>) {
    out["type"] = "object";
  } else if constexpr (std::same_as<T, json::array>) {
    out = schema_limits({{"type", "array"}}, rule, "Items");
  } else if constexpr (std::same_as<T, bool>) {
    out["type"] = "boolean";
  } else if constexpr (std::integral<T>) {
    out = schema_limits({{"type", "integer"}}, rule, "");
  } else if constexpr (std::floating_point<T>) {
    out = schema_limits({{"type", "number"}}, rule, "");
  } else if constexpr (std::same_as<T, std::string>) {
    out = schema_limits({{"type", "string"}}, rule, "Length");
  } else if constexpr (is_vector<T>) {
    out = schema_limits({{"type", "array"}, {"items", schema<typename T::value_type>()}}, rule, "Items");
  } else if constexpr (is_map<T>) {
    out = {{"type", "object"}, {"additionalProperties", schema<typename T::mapped_type>()}};
  } else if constexpr (Enum<T>) {
    json::array names;
    for (std::string_view name : enum_names<T>()) names.push_back(json::value(name));
    out = {{"type", "string"}, {"enum", std::move(names)}};
  } else {
    static_assert(Struct<T>);
    json::object properties;
    json::array required;
    const T fallback{};
    for_each_member<T>([&](std::string_view name, auto pointer) {
      using M = std::remove_cvref_t<decltype(fallback.*pointer)>;
      const Field* field = find_field(Rules<T>::fields, name);
      json::object member = schema<M>(field);
      if (field && field->optional)
        member["default"] = to_value(fallback.*pointer);
      else if (!is_optional<M>)
        required.push_back(json::value(name));
      properties[name] = std::move(member);
    });
    constexpr bool open = requires { requires Rules<T>::open; };
    out = {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", open}};
    if (!required.empty()) out["required"] = std::move(required);
  }
  if (rule && !rule->help.empty()) out["description"] = rule->help;
  return out;
}

}  // namespace medsynth::described
