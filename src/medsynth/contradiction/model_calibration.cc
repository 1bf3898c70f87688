#include "medsynth/contradiction/model_calibration.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/contradiction/language_model.h"
#include "medsynth/contradiction/model_pairs.h"
#include "medsynth/contradiction/pairs_file.h"

namespace medsynth::contradiction {
namespace {

// What is known of one pair: the log odds of the text's analysis, and of the model's answer.
struct Asked {
  double text = 0, model = 0;
  bool contradiction = false;
};

double logistic(double x) {
  return 1 / (1 + std::exp(-std::clamp(x, -30.0, 30.0)));
}

double centre_of(std::span<const Asked> pairs) {
  double sum = 0;
  for (const Asked& each : pairs) sum += each.model;
  return pairs.empty() ? 0 : sum / static_cast<double>(pairs.size());
}

double log_likelihood(std::span<const Asked> pairs, double weight, double centre) {
  double sum = 0;
  for (const Asked& each : pairs) {
    const double p = logistic(each.text + weight * (each.model - centre));
    sum += std::log(each.contradiction ? p : 1 - p);
  }
  return sum;
}

// The weight of the model's log odds beside those of the text, which stay as they are: Newton's method on one
// number, whose penalised likelihood is concave. 0 where the model does not help.
double fit(std::span<const Asked> pairs, double centre) {
  constexpr double kPenalty = 1;  // of the squared weight: some pairs' worth of doubt
  constexpr int kSteps = 30;      // it takes about five
  double weight = 0;
  for (int step = 0; step < kSteps; ++step) {
    double gradient = -kPenalty * weight, curvature = kPenalty;
    for (const Asked& each : pairs) {
      const double x = each.model - centre, p = logistic(each.text + weight * x);
      gradient += ((each.contradiction ? 1 : 0) - p) * x;
      curvature += p * (1 - p) * x * x;
    }
    weight += gradient / curvature;
  }
  // Twice the gain in likelihood exceeds this by chance once in twenty times (chi squared, one degree).
  constexpr double kBeyondChance = 3.84;
  const double gain = log_likelihood(pairs, weight, centre) - log_likelihood(pairs, 0, centre);
  return weight > 0 && 2 * gain >= kBeyondChance ? weight : 0;
}

template <class Score>
double auroc(std::span<const Asked> pairs, const Score& score) {
  std::vector<double> scores;
  const auto labels = std::make_unique<bool[]>(pairs.size());
  for (const Asked& each : pairs) {
    labels[scores.size()] = each.contradiction;
    scores.push_back(score(each));
  }
  return validate(scores, {labels.get(), scores.size()}).auroc;
}

// Log odds of both together, for each pair by a weight that has not seen it.
std::vector<double> validated(std::span<const Asked> pairs) {
  constexpr std::size_t kFolds = 5;
  std::vector<double> together(pairs.size());
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    std::vector<Asked> others;
    for (std::size_t i = 0; i < pairs.size(); ++i)
      if (i % kFolds != fold) others.push_back(pairs[i]);
    const double centre = centre_of(others), weight = fit(others, centre);
    for (std::size_t i = fold; i < pairs.size(); i += kFolds)
      together[i] = pairs[i].text + weight * (pairs[i].model - centre);
  }
  return together;
}

ModelSkill skill_of(PairKind kind, std::span<const Asked> pairs) {
  ModelSkill skill{.kind = kind, .pairs = static_cast<std::int64_t>(pairs.size())};
  if (pairs.empty()) return skill;
  skill.centre = centre_of(pairs);
  skill.weight = fit(pairs, skill.centre);
  const std::vector<double> together = validated(pairs);
  skill.auroc = auroc(pairs, [](const Asked& each) { return logistic(each.model); });
  skill.auroc_without = auroc(pairs, [](const Asked& each) { return logistic(each.text); });
  skill.auroc_together = auroc(pairs, [&](const Asked& each) {
    return logistic(together[static_cast<std::size_t>(&each - pairs.data())]);
  });
  return skill;
}

}  // namespace

std::string_view model_pairs() {
  return kModelPairs;
}

Result<ModelCalibration> read_model_calibration(std::string_view json) {
  return described::parse<ModelCalibration>(json);
}

Result<ModelCalibration> calibrate_model(const Judge& judge, const std::function<void(double)>& progress) {
  BOOST_OUTCOME_TRY(const auto pairs, read_pairs(kModelPairs, Format::jsonl));
  ModelCalibration out;
  std::array<std::vector<Asked>, 2> by_kind;
  std::size_t done = 0;
  for (const LabelledPair& pair : pairs) {
    jobs::DetectContradiction asked;
    asked.claim1 = pair.claim1;
    asked.claim2 = pair.claim2;
    BOOST_OUTCOME_TRY(const auto result, judge(asked));
    BOOST_OUTCOME_TRY(const auto features, features_of(result));
    if (progress) progress(static_cast<double>(++done) / static_cast<double>(pairs.size()));
    const bool entailment = features.entailment_used > 0;
    if ((!entailment && features.language_model_used == 0) || !result.model) continue;
    const std::string_view method = entailment ? "entailment" : "language_model";
    out.model = {std::string(method), result.model->id, result.model->digest,
                 std::string(wording_of(method))};
    const double p = probability(built_in_combination(), features);
    by_kind[features.evidence < .5 ? 0 : 1].push_back(
        {std::log(p / (1 - p)), entailment ? features.entailment : features.language_model,
         pair.label == Label::contradiction});
  }
  const std::size_t answered = by_kind[0].size() + by_kind[1].size();
  if (answered < pairs.size() / 2)
    return Error{Code::invalid_argument,
                 fmt::format("The model answered {} of {} pairs with agree, disagree or different: it cannot "
                             "judge. Models that follow instructions can.",
                             answered, pairs.size()),
                 "model_does_not_answer"};
  out.trained_on = {static_cast<std::int64_t>(answered), sha256_hex(kModelPairs), false};
  for (const PairKind kind : {PairKind::findings, PairKind::claim_and_evidence})
    out.skills.push_back(skill_of(kind, by_kind[static_cast<std::size_t>(kind)]));
  return out;
}

ModelSkill ModelCalibration::of(PairKind kind) const {
  const auto found = std::ranges::find(skills, kind, &ModelSkill::kind);
  return found == skills.end() ? ModelSkill{.kind = kind} : *found;
}

Combination with_model(Combination base, const ModelCalibration& calibration) {
  const ModelSkill findings = calibration.of(PairKind::findings),
                   evidence = calibration.of(PairKind::claim_and_evidence);
  const auto offset = [](const ModelSkill& skill) { return -skill.weight * skill.centre; };
  const std::string& method = calibration.model.method;
  base.weights[method] = findings.weight;
  base.weights[method + "_used"] = offset(findings);
  base.weights["evidence_" + method] = evidence.weight - findings.weight;
  base.weights["evidence_" + method + "_used"] = offset(evidence) - offset(findings);
  (method == "entailment" ? base.trained_on.entailment : base.trained_on.language_model) =
      calibration.trained_on;
  return base;
}

}  // namespace medsynth::contradiction
