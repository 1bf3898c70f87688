#include <csignal>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/worker/worker.h"

namespace medsynth::worker {

int run_actors(std::vector<Actor> actors) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const auto loaded = load_settings({}, process_environment, "");
  if (!loaded) {
    fmt::print(stderr, "error: {}\n", loaded.error().message);
    return info(loaded.error().code).exit_code;
  }
  log::start(loaded->settings.log_level, loaded->settings.log_format, "worker");
  return run_worker({.settings = loaded->settings, .worker_id = "", .actors = std::move(actors)});
}

}  // namespace medsynth::worker
