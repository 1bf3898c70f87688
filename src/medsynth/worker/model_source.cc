#include "medsynth/worker/model_source.h"

#include <algorithm>

namespace medsynth::worker {
namespace {

constexpr std::uint64_t kMegabyte = 1024 * 1024;

}  // namespace

ModelSource::ModelSource(ModelSourceOptions options, inference::Engine& engine, models::Cache& cache)
    : options_(std::move(options)), engine_(engine), cache_(cache) {}

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
  const auto loaded = cache_.get_stats().models;
  const bool here =
      std::any_of(loaded.begin(), loaded.end(), [&](const auto& each) { return each.id == needs.model; });
  if (here) return needs;
  needs.memory_bytes = static_cast<std::uint64_t>(model->model.memory_mb) * kMegabyte;
  if (needs.memory_bytes == 0) {
    // A catalogue that does not know: the engine does. Not being able to tell is found out when loading.
    if (const auto estimate = engine_.estimate(load_options(*model))) needs.memory_bytes = *estimate;
  }
  return needs;
}

Result<models::Handle> ModelSource::open(const models::Resolved& model, const inference::Until& until,
                                         const std::function<void(double)>& progress) const {
  const auto load = [&engine = engine_, options = load_options(model)](
                        const std::function<void(double)>& on_progress,
                        std::stop_token stop) mutable -> Result<std::shared_ptr<models::Loaded>> {
    options.progress = on_progress;
    options.stop = stop;
    BOOST_OUTCOME_TRY(auto loaded, engine.load(options));
    return std::shared_ptr<models::Loaded>(std::move(loaded));
  };
  const models::Metadata metadata{
      .memory_bytes = static_cast<std::uint64_t>(model.model.memory_mb) * kMegabyte,
      .extra = {{"file", model.model.file}, {"kind", model.model.kind}, {"demo", model.model.demo}}};
  const auto left =
      until.deadline == SteadyTime::max()
          ? std::chrono::milliseconds(std::chrono::hours(24))
          : std::chrono::duration_cast<std::chrono::milliseconds>(until.deadline - system_clock().steady());
  return cache_.get_or_create(model.model.name, load, metadata, left, until.stop, progress);
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
