#include "medsynth/cli/supervisor.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "medsynth/base/child.h"
#include "medsynth/base/id.h"
#include "medsynth/base/log.h"

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kQuick = 30s;
constexpr auto kLongest = 10'000ms;

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return std::string("killed by signal ") + std::to_string(WTERMSIG(status));
  return std::string("exit code ") + std::to_string(WEXITSTATUS(status));
}

}  // namespace

bool is_quick_death(std::chrono::milliseconds lived) {
  return lived < kQuick;
}

std::chrono::milliseconds restart_delay(int quick_deaths) {
  if (quick_deaths <= 1) return 0ms;
  return std::min<std::chrono::milliseconds>(kLongest, 250ms * (1 << std::min(quick_deaths - 1, 10)));
}

Supervisor::Supervisor(Options options)
    : options_(std::move(options)), children_(static_cast<std::size_t>(options_.count)) {}

Supervisor::~Supervisor() {
  kill_all();
}

void Supervisor::start(Child& child, SteadyTime now) {
  child.worker_id = new_uuid();
  std::vector<std::string> command = options_.command;
  command.push_back("--worker-id");
  command.push_back(child.worker_id);
  // SIGKILL: what it held is recovered, and a worker whose Redis went with its server could settle nothing.
  // A SIGHUP, which asks for a reload, comes when it likes and would end what just starts.
  child.pid = spawn(command, {.death_signal = SIGKILL, .blocked_signal = SIGHUP});
  child.started = now;
  if (child.pid > 0)
    return log::info("worker started", {{"pid_of_worker", child.pid}, {"worker", child.worker_id}});
  child.pid = -1;
  child.due = now + restart_delay(++child.quick_deaths);
  log::error("worker could not be started", {{"errno", errno}});
}

void Supervisor::reap(Child& child, SteadyTime now) {
  int status = 0;
  if (child.pid <= 0 || waitpid(child.pid, &status, WNOHANG) != child.pid) return;
  const auto lived = std::chrono::duration_cast<std::chrono::milliseconds>(now - child.started);
  child.quick_deaths = is_quick_death(lived) ? child.quick_deaths + 1 : 1;
  child.due = now + restart_delay(child.quick_deaths);
  const int pid = std::exchange(child.pid, -1);
  if (stopping_) return log::info("worker ended", {{"pid_of_worker", pid}, {"how", how_it_ended(status)}});
  log::warning("worker died",
               {{"pid_of_worker", pid}, {"how", how_it_ended(status)}, {"lived_ms", lived.count()}});
  options_.on_death(child.worker_id);
}

void Supervisor::tick(SteadyTime now) {
  for (Child& child : children_) {
    reap(child, now);
    if (child.pid < 0 && !stopping_ && now >= child.due) start(child, now);
  }
}

void Supervisor::stop() {
  stopping_ = true;
  for (const Child& child : children_) {
    if (child.pid > 0) kill(child.pid, SIGTERM);
  }
}

void Supervisor::reload() {
  for (const Child& child : children_) {
    if (child.pid > 0) kill(child.pid, SIGHUP);
  }
}

bool Supervisor::any_alive() const {
  return std::any_of(children_.begin(), children_.end(), [](const Child& child) { return child.pid > 0; });
}

void Supervisor::kill_all() {
  stopping_ = true;
  for (Child& child : children_) {
    if (child.pid <= 0) continue;
    kill(child.pid, SIGKILL);
    waitpid(child.pid, nullptr, 0);
    child.pid = -1;
  }
}

}  // namespace medsynth::cli
