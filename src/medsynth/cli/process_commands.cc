// medsynth serve, medsynth worker
#include <algorithm>
#include <csignal>
#include <filesystem>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/base/paths.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/serve.h"
#include "medsynth/worker/worker.h"

namespace medsynth::cli {
namespace {

// Before any thread starts, so that signals come only to who waits for them.
void block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

// The flags that were given, for the workers that serve starts: they load the same settings from the same
// places.
std::vector<std::string> worker_flags(const Session& session) {
  std::vector<std::string> words;
  for (const auto& [name, text] : session.loaded.flags) {
    std::string flag = "--" + name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    words.push_back(name == "insecure" ? flag : flag + "=" + text);
  }
  return words;
}

int serve_command(const Session& session) {
  block_signals();
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return fail({Code::internal, "cannot find my own program: " + error.message(), ""});
  std::vector<std::string> worker{self.string(), "worker"};
  for (std::string& flag : worker_flags(session)) worker.push_back(std::move(flag));
  return serve(session.settings(), worker);
}

int worker_command(const Session& session, const std::string& worker_id) {
  block_signals();
  return worker::run_worker({session.settings(), worker_id});
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
