#include "medsynth/contradiction/calibrate.h"

#include <algorithm>

#include "medsynth/contradiction/language_model.h"

namespace medsynth::contradiction {
namespace {

constexpr std::string_view kLanguageModel = "language_model", kEntailment = "entailment",
                           kEmbedding = "embedding_similarity";

// The models whose answers are among the features of a pair.
std::vector<CalibratedModel> models_of(const jobs::ContradictionResult& result, const Features& features) {
  std::vector<CalibratedModel> models;
  const std::string_view judging = features.entailment_used > 0       ? kEntailment
                                   : features.language_model_used > 0 ? kLanguageModel
                                                                      : "";
  if (!judging.empty() && result.model)
    models.push_back(
        {std::string(judging), result.model->id, result.model->digest, std::string(wording_of(judging))});
  if (features.embedding_used > 0) {
    const json::object& details = result.details.at(kEmbedding).as_object();
    models.push_back({std::string(kEmbedding), std::string(details.at("model").as_string()),
                      std::string(details.at("digest").as_string()), ""});
  }
  return models;
}

}  // namespace

Result<Features> features_of(const jobs::ContradictionResult& result) {
  const json::value* combination = result.details.if_contains("combination");
  const json::value* features =
      combination && combination->is_object() ? combination->get_object().if_contains("features") : nullptr;
  if (!features) return Error{Code::internal, "The judge gave no features.", ""};
  return described::from_value<Features>(*features);
}

Result<Calibration> read_calibration(std::string_view json) {
  BOOST_OUTCOME_TRY(auto calibration, described::parse<Calibration>(json));
  BOOST_OUTCOME_TRY(calibration.combination, read_combination(described::write(calibration.combination)));
  return calibration;
}

bool fits(const Calibration& calibration, const LanguageModel& answering) {
  return std::all_of(calibration.models.begin(), calibration.models.end(), [&](const CalibratedModel& each) {
    const inference::Model* model = each.method == kLanguageModel ? answering.model
                                    : each.method == kEntailment  ? answering.entailment_model
                                                                  : answering.sentence_model;
    return model && model->info().digest == each.digest &&
           (each.method == kEmbedding || each.prompt_template == wording_of(each.method));
  });
}

const Combination& probing_combination() {
  static const Combination* const probing = [] {
    auto* combination = new Combination(built_in_combination());
    combination->weights.emplace(kLanguageModel, 0);
    combination->weights.emplace(kEntailment, 0);
    return combination;
  }();
  return *probing;
}

Result<Calibration> calibrate(std::span<const LabelledPair> pairs, const Judge& judge, std::string sha256,
                              const std::function<void(double)>& progress) {
  std::vector<Row> rows;
  Calibration calibration;
  for (const LabelledPair& pair : pairs) {
    jobs::DetectContradiction asked;
    asked.claim1 = pair.claim1;
    asked.claim2 = pair.claim2;
    BOOST_OUTCOME_TRY(const auto result, judge(asked));
    BOOST_OUTCOME_TRY(const auto features, features_of(result));
    rows.push_back({values_of(features), pair.label == Label::contradiction});
    for (CalibratedModel& model : models_of(result, features))
      if (std::find(calibration.models.begin(), calibration.models.end(), model) == calibration.models.end())
        calibration.models.push_back(std::move(model));
    if (progress) progress(static_cast<double>(rows.size()) / static_cast<double>(pairs.size()));
  }
  BOOST_OUTCOME_TRY(auto trained, train(rows, {.uncertain = built_in_combination().uncertain}));
  calibration.combination = std::move(trained.combination);
  TrainedOn& from = calibration.combination.trained_on;
  from.sha256 = std::move(sha256);
  for (const CalibratedModel& each : calibration.models) {
    if (each.method == kLanguageModel) from.language_model = ModelTrainedOn{from.pairs, from.sha256, true};
    if (each.method == kEntailment) from.entailment = ModelTrainedOn{from.pairs, from.sha256, true};
  }
  calibration.penalty = trained.penalty;
  calibration.validated = trained.validated;
  return calibration;
}

}  // namespace medsynth::contradiction
