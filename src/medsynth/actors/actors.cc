#include "medsynth/actors/actors.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "medsynth/actors/calibrations.h"
#include "medsynth/contradiction/contradiction.h"

namespace medsynth::actors {
namespace {

// Texts are embedded in slices, so that progress moves and a stop is noticed.
constexpr std::size_t kTextsPerSlice = 64;

void tell(const Progress& progress, double percent, std::string_view stage) {
  if (progress) progress(percent, stage);
}

}  // namespace

std::optional<jobs::ModelUsed> WorkingModel::used() const {
  if (!model) return std::nullopt;
  const inference::ModelInfo& info = model->info();
  return jobs::ModelUsed{info.id, info.digest, info.description, demo};
}

inference::LoadOptions load_options(const models::Resolved& model, int threads) {
  return {.path = model.path,
          .name = model.model.name,
          .sha256 = model.model.sha256,
          .threads = threads,
          .labels = model.model.labels,
          .context = model.model.context};
}

Result<inference::LoadOptions> placed_options(const models::Resolved& model, int threads,
                                              inference::Engine& engine) {
  inference::LoadOptions options = load_options(model, threads);
  if (model.model.gpu == models::Gpu::never) return options;
  BOOST_OUTCOME_TRY(const auto footprint, engine.footprint(options));
  const auto rooms = models::rooms_of(engine.devices());
  BOOST_OUTCOME_TRY(options.placement, models::place(model.model.name, footprint, rooms, model.model.gpu));
  return options;
}

Result<jobs::ContradictionResult> detect(const jobs::DetectContradiction& pair, const WorkingModel& judge,
                                         const inference::Until& until, const Progress& progress) {
  tell(progress, 10, "judging");
  contradiction::LanguageModel asked{.demo = judge.demo};
  (judge.entails() ? asked.entailment_model : asked.model) = judge.model;
  BOOST_OUTCOME_TRY(const auto calibration, find_calibration(judge.folder, judge.file, asked));
  if (calibration) asked.combination = &calibration->combination;
  BOOST_OUTCOME_TRY(auto result, contradiction::detect(pair, asked, until));
  if (!result.model) result.model = judge.used();
  tell(progress, 90, "done");
  return result;
}

Result<jobs::ArticlesResult> analyze(const jobs::AnalyzeArticles& articles, const WorkingModel& model,
                                     const inference::Until& until, const Progress& progress) {
  const auto scaled = [&](double part, std::string_view stage) { tell(progress, 5 + 90 * part, stage); };
  contradiction::AnalysisModels models;
  (model.entails() ? models.entailment : models.sentence) = model.model;
  if (model.entails()) {
    BOOST_OUTCOME_TRY(const auto measured,
                      find_model_calibration(model.folder, model.model->info().digest, "entailment"));
    if (measured) models.skill = measured->of(contradiction::PairKind::findings);
  }
  BOOST_OUTCOME_TRY(auto result, contradiction::analyze(articles, until, scaled, models));
  result.model = model.used();
  return result;
}

Result<jobs::EmbeddingsResult> embed(const jobs::GenerateEmbeddings& texts, const WorkingModel& sentence,
                                     const inference::Until& until, const Progress& progress) {
  jobs::EmbeddingsResult result;
  const std::size_t total = texts.texts.size();
  result.total_texts = static_cast<std::int64_t>(total);
  std::int64_t cut = 0;
  for (std::size_t at = 0; at < total; at += kTextsPerSlice) {
    const std::size_t count = std::min(kTextsPerSlice, total - at);
    std::vector<bool> truncated;
    BOOST_OUTCOME_TRY(auto vectors,
                      sentence.model->embed(std::span(texts.texts).subspan(at, count), until, &truncated));
    cut += std::count(truncated.begin(), truncated.end(), true);
    for (auto& vector : vectors) result.embeddings.push_back(std::move(vector));
    tell(progress, 10 + 85.0 * static_cast<double>(at + count) / static_cast<double>(total), "embedding");
  }
  result.dimension = sentence.model->info().dimension;
  result.model = sentence.used();
  if (cut > 0)
    result.warnings.push_back(std::to_string(cut) +
                              " texts were longer than the model's context and were cut");
  return result;
}

}  // namespace medsynth::actors
