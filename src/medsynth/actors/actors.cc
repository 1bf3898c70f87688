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
          .context = model.model.context};
}

Result<jobs::ContradictionResult> detect(const jobs::DetectContradiction& pair, const WorkingModel& language,
                                         const inference::Until& until, const Progress& progress) {
  tell(progress, 10, "judging");
  contradiction::LanguageModel asked{.model = language.model, .demo = language.demo};
  BOOST_OUTCOME_TRY(const auto calibration, find_calibration(language.folder, language.file, asked));
  if (calibration) asked.combination = &calibration->combination;
  BOOST_OUTCOME_TRY(auto result, contradiction::detect(pair, asked, until));
  if (!result.model) result.model = language.used();
  tell(progress, 90, "done");
  return result;
}

Result<jobs::ArticlesResult> analyze(const jobs::AnalyzeArticles& articles, const WorkingModel& sentence,
                                     const inference::Until& until, const Progress& progress) {
  const auto scaled = [&](double part, std::string_view stage) { tell(progress, 5 + 90 * part, stage); };
  BOOST_OUTCOME_TRY(auto result, contradiction::analyze(articles, until, scaled, sentence.model));
  result.model = sentence.used();
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
