#include "medsynth/worker/model_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/actors/calibrations.h"

namespace medsynth::worker {
namespace {

constexpr double kCentury = 100.0 * 365 * 24 * 3600;  // seconds
constexpr std::uint64_t kMegabyte = 1024 * 1024;

// False: another file was entered under that name since it was loaded.
bool is_current(models::Handle& handle, const models::Resolved& model) {
  return model.model.sha256.empty() || handle.as<inference::Model>().info().digest == model.model.sha256;
}

}  // namespace

std::chrono::milliseconds keep_alive_time(double seconds) {
  if (seconds < 0) return std::chrono::milliseconds(-1);
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, kCentury) * 1000));
}

ModelSource::ModelSource(ModelSourceOptions options, inference::Engine& engine, models::Cache& cache,
                         const ModelDeaths& deaths)
    : options_(std::move(options)), engine_(engine), cache_(cache), deaths_(deaths) {}

Result<models::Catalogue> ModelSource::catalogue() const {
  return models::Catalogue::read(options_.folder, options_.catalogue, options_.language_model);
}

Result<std::optional<models::Resolved>> ModelSource::resolve(const WantedModel& wanted) const {
  BOOST_OUTCOME_TRY(const auto catalogue, this->catalogue());
  auto resolved = catalogue.resolve(wanted.name, wanted.kind);
  if (resolved) return std::optional(std::move(*resolved));
  if (!wanted.required && resolved.error().code == Code::not_found) return std::optional<models::Resolved>();
  return resolved.error();
}

Result<std::vector<fleet::InstalledModel>> ModelSource::installed(const limits::MemoryInfo& memory,
                                                                  double max_memory_percent) const {
  BOOST_OUTCOME_TRY(const auto catalogue, this->catalogue());
  std::vector<std::string> defaults;
  for (const char* kind : {"language", "sentence"})
    if (const auto found = catalogue.resolve("", kind)) defaults.push_back(found->model.name);
  std::vector<fleet::InstalledModel> models;
  for (const models::ModelFile& file : catalogue.models()) {
    fleet::InstalledModel model{.id = file.name,
                                .kind = file.kind,
                                .is_default = std::ranges::count(defaults, file.name) > 0,
                                .demo = file.demo,
                                .digest = file.sha256,
                                .context = file.context,
                                .memory_bytes = static_cast<std::uint64_t>(file.memory_mb) * kMegabyte,
                                .notes = file.notes};
    std::error_code error;
    const auto path = catalogue.locate(file);
    if (!path)
      model.problem = path.error().message;
    else if (!std::filesystem::is_regular_file(*path, error))
      model.problem = fmt::format("there is no file {}", path->string());
    model.calibration = path && file.kind == "language"
                            ? actors::calibration_of(options_.folder, *path, file.sha256)
                            : std::string_view("none");
    model.loaded = cache_.contains(file.name);
    if (model.loaded)
      model.fits = true;
    else if (model.problem.empty() && model.memory_bytes > 0)
      model.fits = limits::has_room(memory, model.memory_bytes, max_memory_percent);
    models.push_back(std::move(model));
  }
  return models;
}

limits::Needs ModelSource::needs(std::string_view actor, const std::optional<models::Resolved>& model) const {
  limits::Needs needs{.actor = std::string(actor)};
  if (!model) {
    // One thread of ours, whatever it does.
    needs.cpu_share_percent = options_.cpu_share_percent / options_.threads;
    return needs;
  }
  needs.model = model->model.name;
  needs.model_parallel = std::max<std::int64_t>(1, model->model.parallel);
  needs.cpu_share_percent = options_.cpu_share_percent;
  if (!cache_.contains(needs.model)) needs.memory_bytes = predicted_bytes(*model);
  return needs;
}

// The catalogue's word, else the engine's, who reads the file's header. Not being able to tell is found out
// when loading.
std::uint64_t ModelSource::predicted_bytes(const models::Resolved& model) const {
  if (model.model.memory_mb > 0) return static_cast<std::uint64_t>(model.model.memory_mb) * kMegabyte;
  const auto estimate = engine_.estimate(actors::load_options(model, options_.threads));
  return estimate ? *estimate : 0;
}

models::Metadata ModelSource::metadata(const models::Resolved& model) const {
  const models::ModelFile& file = model.model;
  models::Metadata metadata{.memory_bytes = predicted_bytes(model),
                            .extra = {{"file", file.file}, {"kind", file.kind}, {"demo", file.demo}},
                            .options = fmt::format("{};{};{}", file.sha256, file.context, options_.threads),
                            .pinned = file.pinned};
  // The runtime maps the file: its pages count, and no measurement of ours sees them.
  std::error_code error;
  const auto size = std::filesystem::file_size(model.path, error);
  if (!error) metadata.mapped_bytes = std::min<std::uint64_t>(size, metadata.memory_bytes);
  if (file.keep_alive) metadata.ttl = keep_alive_time(static_cast<double>(*file.keep_alive));
  return metadata;
}

Result<models::Handle> ModelSource::open(const models::Resolved& model, const inference::Until& until,
                                         const std::function<void(double)>& progress) const {
  // Before anything is asked of the file: what the metadata says is needed by a load only.
  if (auto handle = cache_.get(model.model.name)) {
    if (is_current(*handle, model)) return std::move(*handle);
    handle.reset();
    cache_.remove(model.model.name);
  }
  BOOST_OUTCOME_TRY(deaths_.may_load(model));
  const auto load = [&engine = engine_, options = actors::load_options(model, options_.threads)](
                        const std::function<void(double)>& on_progress,
                        std::stop_token stop) mutable -> Result<std::shared_ptr<models::Loaded>> {
    options.progress = on_progress;
    options.stop = stop;
    BOOST_OUTCOME_TRY(auto loaded, engine.load(options));
    return std::shared_ptr<models::Loaded>(std::move(loaded));
  };
  const auto left =
      until.deadline == SteadyTime::max()
          ? std::chrono::milliseconds(std::chrono::hours(24))
          : std::chrono::duration_cast<std::chrono::milliseconds>(until.deadline - system_clock().steady());
  return cache_.get_or_create(model.model.name, load, metadata(model), left, until.stop, progress);
}

actors::WorkingModel ModelSource::working(const std::optional<models::Resolved>& model,
                                          inference::Model* loaded) const {
  return {.model = loaded,
          .file = loaded ? model->path : std::filesystem::path(),
          .folder = options_.folder,
          .demo = loaded && model->model.demo};
}

}  // namespace medsynth::worker
