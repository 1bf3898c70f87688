#include "medsynth/cli/verdict.h"

#include <cmath>
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

const json::object* waiting_of(const json::object& task) {
  const json::value* waiting = task.if_contains("waiting");
  return waiting ? waiting->if_object() : nullptr;
}

// "20-40 s", "3-5 min"; "" where nothing is known.
std::string estimate_of(const json::object& waiting) {
  const json::value* estimate = waiting.if_contains("estimate");
  if (!estimate || !estimate->is_object()) return "";
  double low = number(estimate->get_object(), "low"), high = number(estimate->get_object(), "high");
  const char* unit = "s";
  if (high >= 7200)
    low /= 3600, high /= 3600, unit = "h";
  else if (high >= 120)
    low /= 60, high /= 60, unit = "min";
  return fmt::format("{:.0f}-{:.0f} {}", std::floor(low), std::ceil(high), unit);
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

std::string waiting_text(const json::object& task) {
  static const std::map<std::string, std::string> kReasons{
      {"slot", "a slot"},      {"model_lock", "the model"},
      {"cpu", "CPU"},          {"memory", "memory"},
      {"gpu", "the GPU"},      {"gpu_memory", "GPU memory"},
      {"paused", "its queue"}, {"no_worker", "a worker"},
      {"delayed", "its time"}, {"retry", "its next attempt"},
      {"redis", "Redis"}};
  const json::object* waiting = waiting_of(task);
  if (!waiting) return "queued";
  const std::string reason = cell(*waiting, "reason");
  const auto name = kReasons.find(reason);
  std::string text = "waits for " + (name == kReasons.end() ? reason : name->second);
  if (const std::string detail = cell(*waiting, "detail"); detail.size() > 1) text += " (" + detail + ")";
  if (number(*waiting, "place") > 0) text += ", place " + cell(*waiting, "place");
  if (const std::string estimate = estimate_of(*waiting); !estimate.empty()) text += ", about " + estimate;
  return text;
}

std::string waits_for(const json::object& task) {
  const json::object* waiting = waiting_of(task);
  if (!waiting) return "";
  const std::string estimate = estimate_of(*waiting);
  return cell(*waiting, "reason") + (estimate.empty() ? "" : " " + estimate);
}

std::string waiting_remedy(const json::object& task) {
  const json::object* waiting = waiting_of(task);
  return waiting ? cell(*waiting, "remedy") : "";
}

}  // namespace medsynth::cli
