#include "medsynth/cli/verdict.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace medsynth::cli {
namespace {

std::string list_of(const json::object& result, std::string_view name) {
  const json::value* member = result.if_contains(name);
  return member && member->is_array() ? joined(member->get_array()) : "";
}

Text headline(const std::string& verdict) {
  if (verdict == "contradiction") return red("CONTRADICTION");
  if (verdict == "no_contradiction") return green("NO CONTRADICTION");
  return yellow("UNCERTAIN");
}

const json::object* find_report(const json::object& object, const std::string& task_id);

const json::object* find_in(const json::value& value, const std::string& task_id) {
  if (const json::object* object = value.if_object()) return find_report(*object, task_id);
  if (const json::array* array = value.if_array()) {
    for (const json::value& each : *array) {
      if (const json::object* found = find_in(each, task_id)) return found;
    }
  }
  return nullptr;
}

// The task report about `task_id`, however deep in `object`. An object is never passed as a value: that would
// be a copy, and what is found points into it.
const json::object* find_report(const json::object& object, const std::string& task_id) {
  if (const json::value* id = object.if_contains("task_id");
      id && id->is_string() && id->get_string() == task_id)
    return &object;
  for (const auto& [name, member] : object) {
    if (const json::object* found = find_in(member, task_id)) return found;
  }
  return nullptr;
}

}  // namespace

Text verdict_text(const json::object& result) {
  Text out = headline(cell(result, "verdict"));
  out += fmt::format("  {:.2f}  {} confidence", number(result, "contradiction_score"),
                     cell(result, "confidence"));
  if (const json::value* calibrated = result.if_contains("calibrated");
      !calibrated || !calibrated->is_bool() || !calibrated->get_bool())
    out += ", not calibrated";
  out.add_line(cell(result, "explanation"));
  if (std::string differences = list_of(result, "context_differences"); !differences.empty())
    out.add_line("differs in: " + differences);
  out.add_line("rests on: " + list_of(result, "methods_used"));
  if (const json::value* model = result.if_contains("model"); model && model->is_object())
    out += "  model " + cell(model->get_object(), "id");
  if (const json::value* duration = result.if_contains("duration"); duration && duration->is_number())
    out += "  " + seconds(duration->to_number<double>());
  if (const json::value* warnings = result.if_contains("warnings"); warnings && warnings->is_array()) {
    for (const json::value& warning : warnings->get_array()) out.add_line(yellow("note: ") + plain(warning));
  }
  return out;
}

std::string waiting_reason(const json::object& usage, const std::string& task_id) {
  static const std::map<std::string, std::string> kReasons{{"slots", "waiting for a free slot"},
                                                           {"model_lock", "waiting for the model"},
                                                           {"cpu", "waiting for CPU"},
                                                           {"memory", "waiting for memory"},
                                                           {"gpu", "waiting for the GPU"}};
  const json::object* report = find_report(usage, task_id);
  if (!report) return "queued";
  const auto found = kReasons.find(cell(*report, "reason"));
  return found == kReasons.end() ? "starting" : found->second;
}

}  // namespace medsynth::cli
