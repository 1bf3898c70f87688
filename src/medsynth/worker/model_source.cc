#include "medsynth/worker/model_source.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "medsynth/actors/calibrations.h"
#include "medsynth/base/described.h"
#include "medsynth/inference/model_file.h"

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
  return models::Catalogue::read(options_.folder, options_.catalogue, options_.language_model,
                                 options_.entailment_model);
}

Result<std::optional<models::Resolved>> ModelSource::resolve(const WantedModel& wanted) const {
  BOOST_OUTCOME_TRY(const auto catalogue, this->catalogue());
  auto resolved = catalogue.resolve(wanted.name, wanted.kind);
  if (resolved) return std::optional(std::move(*resolved));
  if (!wanted.required && resolved.error().code == Code::not_found) {
    if (wanted.otherwise.empty()) return std::optional<models::Resolved>();
    return resolve({.name = "", .kind = wanted.otherwise, .required = false});
  }
  return resolved.error();
}

Result<std::vector<fleet::InstalledModel>> ModelSource::installed(const limits::MemoryInfo& memory,
                                                                  double max_memory_percent) const {
  BOOST_OUTCOME_TRY(const auto catalogue, this->catalogue());
  std::vector<std::string> defaults;
  for (const char* kind : {"language", "sentence", "entailment"})
    if (const auto found = catalogue.resolve("", kind)) defaults.push_back(found->model.name);
  std::map<std::string, std::string> placements;  // of those that are loaded
  for (const models::ModelStats& each : cache_.get_stats().models)
    if (!each.loaded_at.empty()) placements[each.id] = each.placement;
  std::vector<fleet::InstalledModel> models;
  for (const models::ModelFile& file : catalogue.models()) {
    fleet::InstalledModel model{.id = file.name,
                                .kind = file.kind,
                                .is_default = std::ranges::count(defaults, file.name) > 0,
                                .demo = file.demo,
                                .digest = file.sha256,
                                .context = file.context,
                                .memory_bytes = static_cast<std::uint64_t>(file.memory_mb) * kMegabyte,
                                .gpu = std::string(described::enum_name(file.gpu)),
                                .placement = placements[file.name],
                                .notes = file.notes,
                                .licence = file.licence};
    std::error_code error;
    const auto path = catalogue.locate(file);
    if (!path)
      model.problem = path.error().message;
    else if (!std::filesystem::is_regular_file(*path, error))
      model.problem = fmt::format("there is no file {}", path->string());
    else if (const auto runs = inference::check_runtime(*path); !runs)
      model.problem = runs.error().message;
    model.calibration = path && file.kind != "sentence"
                            ? actors::calibration_of(options_.folder, *path, file.sha256, file.kind)
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

fleet::ChosenModel ModelSource::use(std::string_view name) const {
  auto catalogue = this->catalogue();
  if (!catalogue) return {.problem = catalogue.error().message};
  const models::ModelFile* model = catalogue->find(name);
  if (!model) return {.problem = "it is not installed here"};
  fleet::ChosenModel chosen{.kind = model->kind};
  if (const auto written = catalogue->use(name); !written) {
    chosen.problem = written.error().message;
    return chosen;
  }
  const auto found = catalogue->resolve("", chosen.kind);
  chosen.is_default = found && found->model.name == name;
  if (!chosen.is_default)
    chosen.problem = found ? fmt::format("a setting names {}, which goes before it", found->model.name)
                           : found.error().message;
  return chosen;
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
  if (cache_.contains(needs.model)) return needs;
  // One that cannot be placed is refused where it is loaded.
  if (const auto placement = place(*model)) needs.memory_bytes = placement->cpu_bytes;
  return needs;
}

// Settings that measured sizes hold for.
std::string ModelSource::load_key(const models::ModelFile& file) const {
  return fmt::format("{};{};{}", file.sha256, file.context, options_.threads);
}

// No driver is started for a model that does not want a GPU, and no header is read where the catalogue says
// everything. Not being able to tell is found out when loading.
Result<models::Placement> ModelSource::place(const models::Resolved& model) const {
  const models::ModelFile& file = model.model;
  std::vector<models::DeviceRoom> rooms;
  if (file.gpu != models::Gpu::never) rooms = cache_.device_rooms(file.name, load_key(file));
  const std::uint64_t said = static_cast<std::uint64_t>(file.memory_mb) * kMegabyte;
  models::Footprint footprint;
  if (said == 0 || !rooms.empty()) {
    auto found = engine_.footprint(actors::load_options(model, options_.threads));
    if (found) footprint = std::move(*found);
  }
  BOOST_OUTCOME_TRY(auto placement, models::place(file.name, footprint, rooms, file.gpu));
  if (placement.shares.empty() && said > 0) placement.cpu_bytes = said;
  return placement;
}

Result<models::Metadata> ModelSource::metadata(const models::Resolved& model) const {
  const models::ModelFile& file = model.model;
  BOOST_OUTCOME_TRY(auto placement, place(model));
  models::Metadata metadata{.memory_bytes = placement.cpu_bytes,
                            .extra = {{"file", file.file}, {"kind", file.kind}, {"demo", file.demo}},
                            .mapped_bytes = placement.cpu_weights,
                            .options = load_key(file),
                            .device_bytes = placement.device_bytes(),
                            .pinned = file.pinned};
  // llama.cpp maps the file: its pages count, and no measurement of ours sees them. ONNX Runtime reads it.
  std::error_code error;
  const auto size = std::filesystem::file_size(model.path, error);
  if (!error && placement.shares.empty() && file.kind != "entailment")
    metadata.mapped_bytes = std::min<std::uint64_t>(size, metadata.memory_bytes);
  if (file.keep_alive) metadata.ttl = keep_alive_time(static_cast<double>(*file.keep_alive));
  metadata.placement = std::move(placement);
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
  BOOST_OUTCOME_TRY(const models::Metadata metadata, this->metadata(model));
  inference::LoadOptions loading = actors::load_options(model, options_.threads);
  loading.placement = metadata.placement;
  const auto load = [&engine = engine_, options = std::move(loading)](
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
  return cache_.get_or_create(model.model.name, load, metadata, left, until.stop, progress);
}

actors::WorkingModel ModelSource::working(const std::optional<models::Resolved>& model,
                                          inference::Model* loaded) const {
  return {.model = loaded,
          .file = loaded ? model->path : std::filesystem::path(),
          .folder = options_.folder,
          .demo = loaded && model->model.demo};
}

}  // namespace medsynth::worker
