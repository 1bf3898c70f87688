// A worker process: wiring, threads and the orderly end.
#pragma once

#include <string>
#include <vector>

#include "medsynth/base/live_settings.h"
#include "medsynth/base/settings.h"
#include "medsynth/worker/actor.h"

namespace medsynth::worker {

struct WorkerOptions {
  Settings settings;
  // Empty: a fresh one. A supervisor gives it, so that it can recover what a dead worker held.
  std::string worker_id;
  std::vector<Actor> actors = worker::actors();  // those that its messages may name
  LiveSettings::Read read_settings = {};  // called when a reload is asked for; none: there is nothing to read
};

// Runs until a signal that ends it (base/signals.h), which must be blocked in every thread. Waits for
// a Redis that is away; finishes running tasks within the grace, or gives them back. Returns the exit code: 0
// after an orderly end, also when a backend could not be interrupted; else that of the error that kept it
// from starting.
int run_worker(const WorkerOptions& options);

// All of main() for a program that is a worker with actors of its own: settings from the environment,
// signals, logging. Call it before any thread is started.
int run_actors(std::vector<Actor> actors);

}  // namespace medsynth::worker
