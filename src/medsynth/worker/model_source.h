// Where a task's model comes from: the catalogue says which file answers to a name, the cache keeps it, the
// engine loads it. Thread safe.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "medsynth/fleet/fleet.h"
#include "medsynth/inference/engine.h"
#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"
#include "medsynth/models/cache.h"
#include "medsynth/models/catalogue.h"
#include "medsynth/worker/actor.h"
#include "medsynth/worker/model_deaths.h"

namespace medsynth::worker {

struct ModelSourceOptions {
  std::filesystem::path folder;     // of model files
  std::filesystem::path catalogue;  // empty: models.toml in the folder
  std::string language_model;       // Settings::language_model
  std::string entailment_model;     // Settings::entailment_model
  int threads = 1;                  // of one inference
  double cpu_share_percent = 50;    // what those threads are of the CPUs we may use
};

// keep_alive of a request, in seconds: negative is never, a century at most.
std::chrono::milliseconds keep_alive_time(double seconds);

class ModelSource {
 public:
  // `engine`, `cache` and `deaths` outlive it.
  ModelSource(ModelSourceOptions options, inference::Engine& engine, models::Cache& cache,
              const ModelDeaths& deaths);

  // Which file answers; nullopt when none is installed and it was not required. The catalogue is read again
  // each time, so that a model added while workers run is found.
  Result<std::optional<models::Resolved>> resolve(const WantedModel& wanted) const;
  // What a task with that model takes; memory only when it is not loaded yet. Of GPUs nothing: their memory is
  // the cache's to give, for each of them.
  limits::Needs needs(std::string_view actor, const std::optional<models::Resolved>& model) const;
  // What the catalogue holds, and whether it fits into that memory now. Asked every second: it reads no model
  // file.
  Result<std::vector<fleet::InstalledModel>> installed(const limits::MemoryInfo& memory,
                                                       double max_memory_percent) const;
  // Makes it the default of its kind in this host's catalogue.
  fleet::ChosenModel use(std::string_view name) const;
  // not_allowed for one that would have to be loaded and killed workers before.
  Result<models::Handle> open(const models::Resolved& model, const inference::Until& until,
                              const std::function<void(double)>& progress) const;
  // That model, loaded, or none (nullptr).
  actors::WorkingModel working(const std::optional<models::Resolved>& model, inference::Model* loaded) const;

 private:
  Result<models::Catalogue> catalogue() const;
  std::string load_key(const models::ModelFile& file) const;
  // "does_not_fit" where it requires a GPU and there is no room for it, or no GPU.
  Result<models::Placement> place(const models::Resolved& model) const;
  Result<models::Metadata> metadata(const models::Resolved& model) const;

  ModelSourceOptions options_;
  inference::Engine& engine_;
  models::Cache& cache_;
  const ModelDeaths& deaths_;
};

}  // namespace medsynth::worker
