#include "medsynth/base/described.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "medsynth/base/text.h"

namespace medsynth::described {
namespace {

constexpr std::size_t kShownName = 200;  // bytes of a name that a pointer repeats
constexpr std::size_t kGuessedName =
    64;  // longer names are no typing errors, and comparing takes their length

}  // namespace

const Field* find_field(std::span<const Field> fields, std::string_view name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

std::string pointer_to(std::string_view parent, std::string_view name) {
  std::string out(parent);
  out += '/';
  for (const char c : name) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string Place::pointer() const {
  if (kind == Kind::root) return std::string(name);
  const std::string before = parent->pointer();
  if (kind == Kind::element) return fmt::format("{}/{}", before, index);
  if (name.size() <= kShownName) return pointer_to(before, name);
  return pointer_to(before, name.substr(0, kShownName)) + "...";
}

void Faults::add(std::string pointer, std::string detail) {
  more_ = more_ || faults_.size() == kMax;
  if (!more_) faults_.push_back({std::move(pointer), std::move(detail)});
}

void Faults::add(const Place& at, std::string detail) {
  if (faults_.size() < kMax)
    add(at.pointer(), std::move(detail));
  else
    more_ = true;
}

Error Faults::error() && {
  Error error = invalid(faults_[0].pointer, faults_[0].detail);
  error.reason = "invalid_field";
  if (more_) faults_.push_back({"", fmt::format("has more faults: these are the first {}", kMax)});
  error.faults = std::move(faults_);
  return error;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> known) {
  if (name.size() > kGuessedName) return "";
  std::string_view best;
  std::size_t distance = 1 + std::min<std::size_t>(3, name.size() / 3);
  for (const std::string_view each : known) {
    if (const std::size_t d = edit_distance(name, each); d < distance) best = each, distance = d;
  }
  return best.empty() ? "" : fmt::format(" (did you mean '{}'?)", best);
}

namespace detail {

std::string join(std::span<const std::string_view> words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

bool check_size(std::size_t size, const Field* rule, std::string_view unit, const Place& at, Faults& faults) {
  if (!rule) return true;
  if (size < rule->min_size)
    faults.add(at, size == 0 ? std::string("must not be empty")
                             : fmt::format("must have at least {} {}", rule->min_size, unit));
  if (size <= rule->max_size) return true;
  faults.add(at, fmt::format("has {} {}; at most {} are allowed", size, unit, rule->max_size));
  return false;
}

void check_range(double number, const Field* rule, const Place& at, Faults& faults) {
  if (!rule || (number >= rule->minimum && number <= rule->maximum)) return;
  if (std::isinf(rule->maximum))
    faults.add(at, fmt::format("must be at least {}", rule->minimum));
  else if (std::isinf(rule->minimum))
    faults.add(at, fmt::format("must be at most {}", rule->maximum));
  else
    faults.add(at, fmt::format("must be between {} and {}", rule->minimum, rule->maximum));
}

bool is_whole(double number) {
  return std::trunc(number) == number;
}

double shortest(float number) {
  if (!std::isfinite(number)) return number;
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  double value = 0;
  std::from_chars(text, end, value);
  return value;
}

json::object schema_limits(json::object schema, const Field* rule, std::string_view size_suffix) {
  if (size_suffix == "Items" && !schema.contains("items")) schema["items"] = json::object{};
  if (!rule) return schema;
  if (std::isfinite(rule->minimum)) schema["minimum"] = rule->minimum;
  if (std::isfinite(rule->maximum)) schema["maximum"] = rule->maximum;
  if (size_suffix.empty()) return schema;
  if (rule->min_size > 0) schema[fmt::format("min{}", size_suffix)] = rule->min_size;
  // A limit in bytes is not a limit in characters: maxLength would refuse what the server takes only when it
  // is smaller, and never is, so it is an upper bound that a client can rely on.
  if (rule->max_size != std::numeric_limits<std::size_t>::max())
    schema[fmt::format("max{}", size_suffix)] = rule->max_size;
  return schema;
}

}  // namespace detail
}  // namespace medsynth::described
