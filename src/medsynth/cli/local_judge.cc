#include "medsynth/cli/local_judge.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/actors/actors.h"
#include "medsynth/actors/calibrations.h"
#include "medsynth/base/described.h"
#include "medsynth/base/paths.h"
#include "medsynth/limits/sensors.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::cli {
namespace {

constexpr std::array<std::string_view, 5> kMethods{"polarity", "statistical", "temporal",
                                                   "embedding_similarity", "language_model"};

int threads_of(const Settings& settings) {
  if (settings.threads > 0) return static_cast<int>(settings.threads);
  const auto sensors = limits::make_sensors({.data_dir = data_dir(settings)});
  return std::max(1, static_cast<int>(std::floor(sensors->sample().effective_cpus)));
}

struct Opened {
  models::Resolved found;
  std::shared_ptr<inference::Model> model;
};

Result<Opened> open_model(const Settings& settings, const std::string& name, std::string_view kind) {
  BOOST_OUTCOME_TRY(
      const auto catalogue,
      models::Catalogue::read(models_dir(settings), settings.models_catalogue, settings.language_model));
  BOOST_OUTCOME_TRY(auto found, catalogue.resolve(name, kind));
  BOOST_OUTCOME_TRY(auto model,
                    inference::make_engine()->load(actors::load_options(found, threads_of(settings))));
  return Opened{std::move(found), std::move(model)};
}

}  // namespace

Result<LocalJudge> LocalJudge::open(const Settings& settings, const JudgeOptions& options) {
  LocalJudge judge;
  judge.methods_ = options.methods;
  judge.folder_ = models_dir(settings);
  for (const std::string& method : options.methods)
    if (std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end())
      return invalid("--methods",
                     fmt::format("'{}' is no method{}; there are {}", method,
                                 described::did_you_mean(method, kMethods), fmt::join(kMethods, ", ")));
  const auto named = [&](std::string_view method) {
    return std::find(options.methods.begin(), options.methods.end(), method) != options.methods.end();
  };
  if (named("language_model") || !options.model.empty()) {
    BOOST_OUTCOME_TRY(auto opened, open_model(settings, options.model, "language"));
    judge.language_model_ = std::move(opened.model);
    judge.language_file_ = opened.found.path;
    judge.demo_ = opened.found.model.demo;
  }
  if (named("embedding_similarity")) {
    BOOST_OUTCOME_TRY(auto opened, open_model(settings, "", "sentence"));
    judge.sentence_model_ = std::move(opened.model);
  }
  BOOST_OUTCOME_TRY(judge.calibration_,
                    actors::find_calibration(judge.folder_, judge.language_file_, judge.asked()));
  return judge;
}

contradiction::LanguageModel LocalJudge::asked() const {
  return {.model = language_model_.get(), .demo = demo_, .sentence_model = sentence_model_.get()};
}

Result<jobs::ContradictionResult> LocalJudge::operator()(const jobs::DetectContradiction& pair) const {
  return with(calibration_ ? calibration_->combination : contradiction::built_in_combination(), pair);
}

Result<jobs::ContradictionResult> LocalJudge::with(const contradiction::Combination& combination,
                                                   const jobs::DetectContradiction& pair) const {
  contradiction::LanguageModel models = asked();
  models.combination = &combination;
  return contradiction::detect(pair, models, {});
}

std::filesystem::path LocalJudge::calibration_file(const contradiction::Calibration& calibration) const {
  const bool rests_on_model = std::any_of(calibration.models.begin(), calibration.models.end(),
                                          [](const auto& each) { return each.method == "language_model"; });
  return actors::calibration_file(folder_, rests_on_model ? language_file_ : std::filesystem::path());
}

std::vector<inference::ModelInfo> LocalJudge::models() const {
  std::vector<inference::ModelInfo> infos;
  for (const auto& model : {language_model_, sentence_model_})
    if (model) infos.push_back(model->info());
  return infos;
}

bool LocalJudge::shows(const std::string& method) const {
  return methods_.empty() || std::find(methods_.begin(), methods_.end(), method) != methods_.end();
}

}  // namespace medsynth::cli
