#include "medsynth/worker/model_source.h"

#include <algorithm>

#include <fmt/format.h>

namespace medsynth::worker {
namespace {

constexpr double kCentury = 100.0 * 365 * 24 * 3600;  // seconds
constexpr std::uint64_t kMegabyte = 1024 * 1024;

}  // namespace

std::chrono::milliseconds keep_alive_time(double seconds) {
  if (seconds < 0) return std::chrono::milliseconds(-1);
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, kCentury) * 1000));
}

ModelSource::ModelSource(ModelSourceOptions options, inference::Engine& engine, models::Cache& cache,
                         const ModelDeaths& deaths)
    : options_(std::move(options)), engine_(engine), cache_(cache), deaths_(deaths) {}

Result<std::optional<models::Resolved>> ModelSource::resolve(const WantedModel& wanted) const {
  BOOST_OUTCOME_TRY(auto catalogue, models::Catalogue::read(options_.folder, options_.catalogue));
  auto resolved = catalogue.resolve(wanted.name, wanted.kind);
  if (resolved) return std::optional(std::move(*resolved));
  if (!wanted.required && resolved.error().code == Code::not_found) return std::optional<models::Resolved>();
  return resolved.error();
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
  const auto estimate = engine_.estimate(load_options(model));
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
  if (auto handle = cache_.get(model.model.name)) return std::move(*handle);
  BOOST_OUTCOME_TRY(deaths_.may_load(model));
  const auto load = [&engine = engine_, options = load_options(model)](
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

Result<std::optional<contradiction::Calibration>> ModelSource::calibration(
    const std::optional<models::Resolved>& model, inference::Model* loaded) const {
  return find_calibration(options_.folder, model ? model->path : std::filesystem::path(),
                          {.model = loaded, .demo = model && model->model.demo});
}

inference::LoadOptions ModelSource::load_options(const models::Resolved& model) const {
  return {.path = model.path,
          .name = model.model.name,
          .sha256 = model.model.sha256,
          .threads = options_.threads,
          .context = model.model.context};
}

}  // namespace medsynth::worker
