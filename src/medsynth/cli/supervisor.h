// Starts worker processes, watches them, restarts them with backoff. They are direct children and die with
// this process (PDEATHSIG), so everything here happens on the main thread. Not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "medsynth/base/clock.h"

namespace medsynth::cli {

// How long to wait before a worker that lived for `lived` is started again, after `quick_deaths` that came
// too soon before. The first restart is at once; a worker that dies again and again waits longer, up to 10 s.
// Pure.
std::chrono::milliseconds restart_delay(int quick_deaths);
bool is_quick_death(std::chrono::milliseconds lived);

class Supervisor {
 public:
  struct Options {
    std::int64_t count = 1;
    std::vector<std::string> command;  // without --worker-id, which is added
    // Told the id of a worker that died, after it was reaped: recover what it held.
    std::function<void(const std::string& worker_id)> on_death;
  };
  explicit Supervisor(Options options);
  ~Supervisor();  // SIGKILL to those that still live

  // Reaps the dead, starts what is due. Call after SIGCHLD and at least every 100 ms.
  void tick(SteadyTime now);
  // SIGTERM to all; nothing is started any more.
  void stop();
  bool any_alive() const;
  void kill_all();
  // SIGHUP to all: they read their settings again.
  void reload();

 private:
  struct Child {
    int pid = -1;  // -1: not running
    std::string worker_id;
    SteadyTime started = {};
    SteadyTime due = {};
    int quick_deaths = 0;
  };
  void start(Child& child, SteadyTime now);
  void reap(Child& child, SteadyTime now);

  Options options_;
  std::vector<Child> children_;
  bool stopping_ = false;
};

}  // namespace medsynth::cli
