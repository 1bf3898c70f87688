#include "medsynth/tasks/record.h"

#include <algorithm>
#include <cmath>

#include "medsynth/base/id.h"
#include "medsynth/tasks/timeline.h"

namespace medsynth::tasks {
namespace {

// What the text of a value may begin with, which says its type; empty: any type.
constexpr std::string_view kText = "\"n", kNumber = "-0123456789", kCount = "0123456789n", kObject = "{n";
struct Known {
  std::string_view name;
  std::string_view absent;
  std::string_view begins;
};
constexpr std::array kKnown{Known{"status", "\"pending\"", "\""}, Known{"progress", "0", kNumber},
                            Known{"created_at", "null", kText},   Known{"updated_at", "null", kText},
                            Known{"completed_at", "null", kText}, Known{"failed_at", "null", kText},
                            Known{"error", "null", kText},        Known{"result", "null", ""},
                            Known{"metadata", "null", kObject}};
// Described too, and only shown where they are there.
constexpr std::array kFurther{Known{"actor", "null", kText}, Known{"queue", "null", kText},
                              Known{"message_id", "null", kText}, Known{"attempt", "null", kCount},
                              Known{"result_bytes", "null", kCount}};
constexpr std::string_view kTaskId = "task_id";
constexpr std::string_view kUnreadable = "unreadable_fields", kWaiting = "waiting";
constexpr std::array<std::string_view, 7> kOwned{
    kTaskId, "created_at", "updated_at", "attempt", "cancel_requested", "result_bytes", kWaiting};

bool is_known(std::string_view name) {
  return name == kTaskId || name == kUnreadable || name == kWaiting ||
         std::any_of(kKnown.begin(), kKnown.end(), [&](const Known& known) { return known.name == name; });
}

std::string_view beginnings_of(std::string_view name) {
  const auto found =
      std::find_if(kFurther.begin(), kFurther.end(), [&](const Known& each) { return each.name == name; });
  return found == kFurther.end() ? "" : found->begins;
}

bool is_readable(std::string_view value, std::string_view begins) {
  const std::size_t first = value.find_first_not_of(" \n\r\t");
  return first != value.npos && (begins.empty() || begins.find(value[first]) != begins.npos) &&
         json::is_json(value);
}

void write_member(std::string& out, std::string_view name, std::string_view value) {
  out += json::write_string(name);
  out += ':';
  out += value;
}

std::string pointer_to(std::string_view name) {
  return described::pointer_to("", name);
}

Result<> check_status(const std::string& value) {
  const auto parsed = json::parse(value);
  if (parsed && parsed->is_string() && described::enum_from<Status>(std::string_view(parsed->get_string())))
    return success();
  std::string names;
  for (std::string_view name : described::enum_names<Status>())
    names.append(names.empty() ? "" : ", ").append(name);
  return invalid("/status", "must be one of " + names);
}

Result<> check_progress(const std::string& value) {
  const auto parsed = json::parse(value);
  if (parsed && parsed->is_number()) {
    const double percent = parsed->to_number<double>();
    if (percent >= 0 && percent <= 100) return success();
  }
  return invalid("/progress", "must be a number from 0 to 100");
}

}  // namespace

Result<> check_json(std::string_view text, std::string_view name) {
  if (json::is_json(text)) return success();
  const auto parsed = json::parse(text);
  return invalid(pointer_to(name),
                 parsed ? "is more than 64 levels deep" : "is not JSON: " + parsed.error().message);
}

Result<> check_fields(const Fields& fields) {
  for (const auto& [name, value] : fields) {
    if (!is_utf8(name)) return invalid("", "the name of a field must be valid UTF-8");
    BOOST_OUTCOME_TRY(check_json(value, name));
    if (name == "status") {
      BOOST_OUTCOME_TRY(check_status(value));
    }
    if (name == "progress") {
      BOOST_OUTCOME_TRY(check_progress(value));
    }
  }
  return success();
}

bool is_owned(std::string_view name) {
  return is_notes(name) || std::find(kOwned.begin(), kOwned.end(), name) != kOwned.end();
}

std::string percent_text(double percent) {
  if (std::isnan(percent)) return "0";
  percent = std::clamp(percent, 0.0, 100.0);
  if (percent == std::floor(percent)) return std::to_string(static_cast<int>(percent));
  return json::write_number(percent);
}

std::string_view Record::raw(std::string_view name) const {
  for (const auto& [field, value] : fields)
    if (field == name) return value;
  return {};
}

std::optional<std::string> Record::text(std::string_view name) const {
  const auto parsed = json::parse(raw(name));
  if (!parsed || !parsed->is_string()) return std::nullopt;
  return std::string(parsed->get_string());
}

std::optional<double> Record::number(std::string_view name) const {
  const auto parsed = json::parse(raw(name));
  if (!parsed || !parsed->is_number()) return std::nullopt;
  return parsed->to_number<double>();
}

std::optional<Status> Record::status() const {
  const auto name = text("status");
  return name ? described::enum_from<Status>(*name) : std::nullopt;
}

std::string Record::to_json() const {
  std::string out;
  to_json(out);
  return out;
}

std::size_t Record::bytes() const {
  std::size_t bytes = 0;
  for (const auto& [name, value] : fields) bytes += name.size() + value.size();
  return bytes;
}

void Record::to_json(std::string& out, std::string_view waiting) const {
  out.reserve(out.size() + bytes() + 256);
  std::string unreadable;
  const auto write = [&](std::string_view name, std::string_view value, const Known& known) {
    const bool readable = is_readable(value, known.begins);
    if (!readable && !value.empty())
      unreadable.append(unreadable.empty() ? "" : ",").append(json::write_string(name));
    out += ',';
    write_member(out, name, readable ? value : known.absent);
  };
  out += '{';
  write_member(out, kTaskId, json::write_string(task_id));
  for (const Known& known : kKnown) write(known.name, raw(known.name), known);
  if (!waiting.empty()) {
    out += ',';
    write_member(out, kWaiting, waiting);
  }
  for (const auto& [name, value] : fields)
    if (!is_known(name) && !is_notes(name)) write(name, value, {name, "null", beginnings_of(name)});
  if (!unreadable.empty()) {
    out += ',';
    write_member(out, kUnreadable, "[" + unreadable + "]");
  }
  out += '}';
}

}  // namespace medsynth::tasks
