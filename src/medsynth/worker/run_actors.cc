#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/base/signals.h"
#include "medsynth/base/text.h"
#include "medsynth/worker/worker.h"

namespace medsynth::worker {

int run_actors(std::vector<Actor> actors) {
  block_end_signals();
  const auto loaded = load_settings({}, process_environment, "");
  if (!loaded) {
    fmt::print(stderr, "error: {}\n", printable(loaded.error().message));
    return info(loaded.error().code).exit_code;
  }
  log::start(loaded->settings.log_level, loaded->settings.log_format, "worker");
  for (const std::string& warning : unknown_variables(process_variables()))
    log::warning("unknown variable", {{"why", warning}});
  return run_worker({.settings = loaded->settings, .worker_id = "", .actors = std::move(actors)});
}

}  // namespace medsynth::worker
