#include "medsynth/worker/model_deaths.h"

#include <filesystem>

#include <fmt/format.h>

#include "medsynth/base/log.h"

namespace medsynth::worker {
namespace {

constexpr std::int64_t kKillers = 2;  // messages that killed workers after the model was loaded

// Changes with what the file holds and with how it is loaded.
std::string version_of(const models::Resolved& model) {
  std::error_code error;
  const auto size = std::filesystem::file_size(model.path, error);
  const auto changed = std::filesystem::last_write_time(model.path, error).time_since_epoch().count();
  return fmt::format("{} {} {} {} {} {}", model.path.string(), size, changed, model.model.sha256,
                     model.model.context, model.model.memory_mb);
}

}  // namespace

void ModelDeaths::note(const std::string& what, const models::Resolved& model) {
  const std::string version = version_of(model);
  {
    const MutexLock lock(mutex_);
    if (!noted_.insert(what + version).second) return;
  }
  if (client_.run(fleet_.note_model(what, version))) return;
  const MutexLock lock(mutex_);  // the next one notes it
  noted_.erase(what + version);
}

void ModelDeaths::block(const models::Resolved& model, std::int64_t deaths,
                        const std::string& task_id) const {
  const std::string version = version_of(model);
  const auto sound = client_.run(fleet_.is_model("sound", version));
  if (sound && *sound) return;
  const auto loaded = client_.run(fleet_.is_model("loaded", version));
  const auto killers = client_.run(fleet_.count_killer(version));
  if (loaded && *loaded && killers && *killers < kKillers) return;
  const fleet::BlockedModel blocked{.model = model.model.name,
                                    .file = model.path.string(),
                                    .version = version,
                                    .deaths = deaths,
                                    .task_id = task_id,
                                    .until = rfc3339(client_.clock().now() + kBlockedFor)};
  const auto done = client_.run(fleet_.block_model(blocked, kBlockedFor));
  log::error("a model that killed workers is not loaded for a while",
             {{"model", blocked.model},
              {"deaths", deaths},
              {"task_id", task_id},
              {"until", blocked.until},
              {"error", done ? "" : done.error().message}});
}

Result<> ModelDeaths::may_load(const models::Resolved& model) const {
  const auto blocked = client_.run(fleet_.blocked_models(client_.clock().now()));
  if (!blocked) return success();
  for (const fleet::BlockedModel& each : *blocked)
    if (each.model == model.model.name && each.version == version_of(model))
      return Error{Code::not_allowed,
                   fmt::format("the model {} is not loaded before {}: {} workers died while they ran task {} "
                               "with it. Put another file in its place, change its entry in models.toml, or "
                               "'touch {}' to try the same again",
                               each.model, each.until, each.deaths, each.task_id, each.file),
                   "model_blocked"};
  return success();
}

}  // namespace medsynth::worker
