// What a message asks for, once its actor is known, and who knows the actors: what the executor asks of the
// worker around it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"
#include "medsynth/dramatiq/middleware.h"
#include "medsynth/limits/limits.h"
#include "medsynth/pipeline/attempt.h"
#include "medsynth/tasks/store.h"

namespace medsynth::pipeline {

// The task that a message stands for: kwargs.task_id, else options.task_id, else the message's own id.
inline std::string task_id_of(const dramatiq::Message& message) {
  return tasks::identity_of(message.kwargs, message.option("task_id"), message.message_id);
}

// What a running job sees of its attempt. Belongs to the thread that runs it.
class Run {
 public:
  virtual ~Run() = default;
  virtual std::string_view task_id() const = 0;
  virtual std::int64_t attempt() const = 0;        // its number; 0: it has no record
  virtual std::stop_token stop_token() const = 0;  // cancelled, or the end of the worker
  virtual SteadyTime deadline() const = 0;         // its time limit
  virtual double elapsed() const = 0;              // seconds
  // 0-100, written into the record at most every 100 ms; `stage` is shown to people.
  virtual void progress(double percent, std::string_view stage) = 0;
  // "loading" while its model is loaded, then "running" again: shown in the worker's snapshot.
  virtual void show(std::string state) = 0;
};

struct Job {
  const dramatiq::ActorOptions* options;              // outlives the attempt
  std::string_view actor;                             // as it is published: not a caller's text
  bool tracked = true;                                // its task has a record
  std::optional<limits::Needs> needs = {};            // nullopt: it needs no admission
  std::function<Result<std::string>(Run&)> run = {};  // gives the result as JSON text
  // Workers died while they ran it, so often that it does not run again.
  std::function<void(std::int64_t deaths, std::string_view task_id)> killed = {};
  // It cannot run: what its attempt fails with; `skipped`: nobody is told but the dead letters.
  std::optional<Error> refusal = {};
  bool skipped = false;
};

// Finds actors, and is told what happens, for metrics. Thread safe; nothing here blocks or throws.
class Host {
 public:
  virtual ~Host() = default;
  virtual Job prepare(const dramatiq::Message& message) = 0;
  virtual void started(const dramatiq::Message& message) = 0;
  virtual void ran(const dramatiq::Message& message, const Job& job, const Run& run,
                   const Result<std::string>& result) = 0;
  // It ends like that, and was called or not.
  virtual void ended(std::string_view queue, std::string_view actor, End end, bool called) = 0;
};

}  // namespace medsynth::pipeline
