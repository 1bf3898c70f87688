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

constexpr std::array<std::string_view, 6> kMethods{
    "polarity", "statistical", "temporal", "embedding_similarity", "language_model", "entailment"};

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
  BOOST_OUTCOME_TRY(const auto catalogue,
                    models::Catalogue::read(models_dir(settings), settings.models_catalogue,
                                            settings.language_model, settings.entailment_model));
  BOOST_OUTCOME_TRY(auto found, catalogue.resolve(name, kind));
  const auto engine = inference::make_engine();
  BOOST_OUTCOME_TRY(const auto loading, actors::placed_options(found, threads_of(settings), *engine));
  BOOST_OUTCOME_TRY(auto model, engine->load(loading));
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
  if (named("entailment") || !options.entailment_model.empty()) {
    BOOST_OUTCOME_TRY(auto opened, open_model(settings, options.entailment_model, "entailment"));
    judge.entailment_model_ = std::move(opened.model);
    judge.entailment_file_ = opened.found.path;
  }
  BOOST_OUTCOME_TRY(judge.calibration_,
                    actors::find_calibration(judge.folder_, judge.own_file(), judge.asked()));
  return judge;
}

contradiction::LanguageModel LocalJudge::asked() const {
  return {.model = language_model_.get(),
          .demo = demo_,
          .sentence_model = sentence_model_.get(),
          .entailment_model = entailment_model_.get()};
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
  const bool rests_on_model = std::any_of(
      calibration.models.begin(), calibration.models.end(),
      [](const auto& each) { return each.method == "language_model" || each.method == "entailment"; });
  return actors::calibration_file(folder_, rests_on_model ? own_file() : std::filesystem::path());
}

const std::filesystem::path& LocalJudge::own_file() const {
  return language_file_.empty() ? entailment_file_ : language_file_;
}

std::vector<inference::ModelInfo> LocalJudge::models() const {
  std::vector<inference::ModelInfo> infos;
  for (const auto& model : {language_model_, sentence_model_, entailment_model_})
    if (model) infos.push_back(model->info());
  return infos;
}

bool LocalJudge::shows(const std::string& method) const {
  return methods_.empty() || std::find(methods_.begin(), methods_.end(), method) != methods_.end();
}

}  // namespace medsynth::cli
