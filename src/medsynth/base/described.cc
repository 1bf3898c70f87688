#include "medsynth/base/described.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace medsynth::described {
namespace {

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

std::string did_you_mean(std::string_view name, std::span<const std::string_view> known) {
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

void check_size(std::size_t size, const Field* rule, std::string_view unit, const std::string& at,
                std::vector<Fault>& faults) {
  if (!rule) return;
  if (size < rule->min_size) {
    faults.push_back({at, size == 0 ? std::string("must not be empty")
                                    : fmt::format("must have at least {} {}", rule->min_size, unit)});
  } else if (size > rule->max_size) {
    faults.push_back({at, fmt::format("has {} {}; at most {} are allowed", size, unit, rule->max_size)});
  }
}

void check_range(double number, const Field* rule, const std::string& at, std::vector<Fault>& faults) {
  if (!rule || (number >= rule->minimum && number <= rule->maximum)) return;
  if (std::isinf(rule->maximum))
    faults.push_back({at, fmt::format("must be at least {}", rule->minimum)});
  else if (std::isinf(rule->minimum))
    faults.push_back({at, fmt::format("must be at most {}", rule->maximum)});
  else
    faults.push_back({at, fmt::format("must be between {} and {}", rule->minimum, rule->maximum)});
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
