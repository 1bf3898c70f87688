// medsynth serve, medsynth worker
#include <memory>
#include <string>

#include "medsynth/base/live_settings.h"
#include "medsynth/base/log.h"
#include "medsynth/base/signals.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/log_place.h"
#include "medsynth/cli/own_command.h"
#include "medsynth/cli/process_limits.h"
#include "medsynth/cli/serve.h"
#include "medsynth/worker/worker.h"

namespace medsynth::cli {
namespace {

void warn_of_unknown_variables() {
  for (const std::string& warning : unknown_variables(process_variables()))
    log::warning("unknown variable", {{"why", warning}});
}

// What was given on the command line stays.
LiveSettings::Read read_settings_of(const Session& session) {
  return [flags = session.loaded.flags] { return read_settings(flags); };
}

// No thread has started: signals come only to who waits for them, and the environment may be changed.
int serve_command(const Session& session) {
  block_end_signals();
  keep_log(session.settings());
  warn_of_unknown_variables();
  const auto worker = own_command("worker", session.loaded.flags);
  if (!worker) return fail(worker.error());
  return serve(session.loaded, read_settings_of(session), *worker);
}

int worker_command(const Session& session, const std::string& worker_id) {
  block_end_signals();
  keep_log(session.settings());
  if (worker_id.empty()) publish_log(session.settings(), Place::first);
  if (worker_id.empty()) warn_of_unknown_variables();  // else serve has
  if (const auto enough = allow_descriptors(2 * kOwnDescriptors); !enough) return fail(enough.error());
  return worker::run_worker(
      {.settings = session.settings(), .worker_id = worker_id, .read_settings = read_settings_of(session)});
}

}  // namespace

void add_process_commands(CLI::App& app, Run& chosen) {
  add_command(app, chosen, "serve",
              "The whole product on one machine: API, workers, and Redis where none answers", serve_command);
  auto worker_id = std::make_shared<std::string>();
  CLI::App* command =
      add_command(app, chosen, "worker", "A worker by itself, on this or another host",
                  [=](const Session& session) { return worker_command(session, *worker_id); });
  command->add_option("--worker-id", *worker_id)
      ->group("");  // given by serve, which recovers what a dead worker held
}

}  // namespace medsynth::cli
