// A worker process: wiring, threads and the orderly end.
#pragma once

#include <string>

#include "medsynth/base/settings.h"

namespace medsynth::worker {

struct WorkerOptions {
  Settings settings;
  std::string
      worker_id;  // empty: a fresh one; a supervisor gives it, so that it can recover what a dead worker held
};

// Runs until SIGTERM or SIGINT, which must be blocked in every thread (block them before calling). Waits for
// a Redis that is away; finishes running tasks within the grace, or gives them back. Returns the exit code: 0
// after an orderly end, also when a backend could not be interrupted; else that of the error that kept it
// from starting.
int run_worker(const WorkerOptions& options);

}  // namespace medsynth::worker
