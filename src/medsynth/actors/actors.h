// What the three actors do with their models, wherever they run: in a worker, in a Python process, on the command line. No
// queue, no record, no limits.
//
//   WorkingModel model{.model = loaded.get(), .file = resolved.path, .folder = folder, .demo = resolved.model.demo};
//   BOOST_OUTCOME_TRY(auto result, detect({.claim1 = "...", .claim2 = "..."}, model, until, {}));
//
// Thread safe. `duration` of a result is the caller's, who has the clock; what jobs::check() checks is not checked here.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "medsynth/base/error.h"
#include "medsynth/inference/engine.h"
#include "medsynth/jobs/jobs.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::actors {

// A model of the catalogue at its work, or none.
struct WorkingModel {
  inference::Model* model = nullptr;  // not owned; null: none is wanted, or none is installed
  std::filesystem::path file = {};    // empty without a model
  std::filesystem::path folder;       // the models folder, where calibrations lie
  bool demo = false;

  bool entails() const { return model && model->info().kind == "entailment"; }
  // What results say of it.
  std::optional<jobs::ModelUsed> used() const;
};

// How the file of the catalogue is loaded.
inference::LoadOptions load_options(const models::Resolved& model, int threads);
// The same, placed on the GPUs as they are now: for a process that keeps no other models. Errors of footprint()
// and models::place().
Result<inference::LoadOptions> placed_options(const models::Resolved& model, int threads,
                                              inference::Engine& engine);

// How far it is, 0 to 100, and what is being done ("comparing"); may be empty. On the caller's thread.
using Progress = std::function<void(double percent, std::string_view stage)>;

// A pair, by the operator's weights where there are some that fit; `judge` is a language or an entailment model.
// Errors: the model's (timeout, cancelled, ...), and those of
// find_calibration().
Result<jobs::ContradictionResult> detect(const jobs::DetectContradiction& pair, const WorkingModel& judge,
                                         const inference::Until& until, const Progress& progress);

// `model`: a sentence model finds pairs that say similar things in other words; without one, pairs are found by
// their words. An entailment model reads the strongest candidates.
Result<jobs::ArticlesResult> analyze(const jobs::AnalyzeArticles& articles, const WorkingModel& model,
                                     const inference::Until& until, const Progress& progress);

// `sentence` has a model.
Result<jobs::EmbeddingsResult> embed(const jobs::GenerateEmbeddings& texts, const WorkingModel& sentence,
                                     const inference::Until& until, const Progress& progress);

}  // namespace medsynth::actors
