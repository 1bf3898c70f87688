#include "medsynth/inference/onnx/labels.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/base/text.h"
#include "medsynth/inference/onnx/json_fields.h"

namespace medsynth::inference::onnx {
namespace {

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string part(text.substr(0, end));
    std::erase(part, ' ');
    parts.push_back(std::move(part));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// In the order of the outputs; empty: it does not say.
std::vector<std::string> labels_of(const json::value& config) {
  const json::value& named = at(config, "id2label");
  std::vector<std::string> labels;
  for (std::size_t i = 0; named.is_object() && i < named.get_object().size(); ++i) {
    std::string label = string_at(named, std::to_string(i));
    if (label.empty()) return {};
    labels.push_back(std::move(label));
  }
  return labels;
}

std::optional<std::size_t> place_of(const std::vector<std::string>& labels, std::string_view beginning) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::string lower = labels[i];
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (!lower.starts_with(beginning)) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

}  // namespace

Result<Labels> read_labels(std::string_view chosen, const json::value& config) {
  const std::vector<std::string> labels = chosen.empty() ? labels_of(config) : parts_of(chosen);
  const auto entailment = place_of(labels, "entail"), contradiction = place_of(labels, "contradict"),
             neutral = place_of(labels, "neutral");
  const std::size_t known = (entailment ? 1U : 0U) + (contradiction ? 1U : 0U) + (neutral ? 1U : 0U);
  if (entailment && contradiction && known == labels.size())
    return Labels{*entailment, *contradiction, neutral, labels.size()};
  return Error{
      Code::invalid_argument,
      fmt::format("{}: an entailment model says entailment, contradiction and mostly neutral. Say which "
                  "output is which with --labels contradiction,entailment,neutral (`labels` in "
                  "models.toml), in the model's own order",
                  labels.empty() ? std::string("config.json has no labels (id2label)")
                                 : fmt::format("its labels are {}",
                                               printable(fmt::format("{}", fmt::join(labels, ", "))))),
      "unknown_labels"};
}

}  // namespace medsynth::inference::onnx
