#include "medsynth/contradiction/combination.h"

#include <algorithm>
#include <cmath>

#include "medsynth/contradiction/weights.h"

namespace medsynth::contradiction {

std::vector<std::string_view> feature_names() {
  return described::member_names<Features>();
}

std::vector<double> values_of(const Features& features) {
  std::vector<double> values;
  described::for_each_member<Features>(
      [&](std::string_view, auto pointer) { values.push_back(features.*pointer); });
  return values;
}

Result<Combination> read_combination(std::string_view json) {
  BOOST_OUTCOME_TRY(auto combination, described::parse<Combination>(json));
  const auto names = feature_names();
  if (!std::isfinite(combination.intercept)) return invalid("/intercept", "must be a finite number");
  for (const auto& [name, weight] : combination.weights) {
    const std::string at = described::pointer_to("/weights", name);
    if (std::find(names.begin(), names.end(), name) == names.end())
      return invalid(at, "is not a known feature" + described::did_you_mean(name, names));
    if (!std::isfinite(weight)) return invalid(at, "must be a finite number");
  }
  if (combination.uncertain.from > combination.uncertain.to)
    return invalid("/uncertain/from", "must not be above /uncertain/to");
  return combination;
}

const Combination& built_in_combination() {
  static const Combination* const built_in = new Combination(*read_combination(kWeights));
  return *built_in;
}

double probability(const Combination& combination, const Features& features) {
  double sum = combination.intercept;
  described::for_each_member<Features>([&](std::string_view name, auto pointer) {
    const auto weight = combination.weights.find(std::string(name));
    if (weight != combination.weights.end()) sum += weight->second * features.*pointer;
  });
  constexpr double kSurest = 20;  // log odds: keeps the result off 0 and 1
  return 1 / (1 + std::exp(-std::clamp(sum, -kSurest, kSurest)));
}

}  // namespace medsynth::contradiction
