// One message from our hands to its settlement: admission, record, model, actor, outcome. Follow run() to
// follow a task.
//
// Thread safe: every worker thread calls run().
#pragma once

#include <functional>
#include <stop_token>

#include "medsynth/base/clock.h"
#include "medsynth/dramatiq/consumer.h"
#include "medsynth/limits/limits.h"
#include "medsynth/redis/client.h"
#include "medsynth/tasks/store.h"
#include "medsynth/telemetry/telemetry.h"
#include "medsynth/worker/actor.h"
#include "medsynth/worker/alone.h"
#include "medsynth/worker/in_hand.h"
#include "medsynth/worker/model_source.h"

namespace medsynth::worker {

// The actors of a process, by name.
class Actors {
 public:
  explicit Actors(std::vector<Actor> actors) : actors_(std::move(actors)) {}
  const Actor* find(std::string_view name) const;

 private:
  std::vector<Actor> actors_;
};

// What a runner works with; all of it outlives the runner.
struct Parts {
  redis::Client& client;
  const tasks::Store& store;
  const dramatiq::Broker& broker;
  dramatiq::Consumer& consumer;
  limits::Limiter& limiter;
  const ModelSource& models;
  InHand& in_hand;
  Actors& actors;
  telemetry::Metrics& metrics;
  const Clock& clock;
};

struct RunnerOptions {
  std::string worker;           // host and worker id, for the record
  std::int64_t max_deaths = 3;  // 0: never
  // What cannot start within this time goes back to the head of the queue, where another worker may take it.
  std::chrono::milliseconds patience{1000};
};

// The task that a message stands for: kwargs.task_id, else options.task_id, else the message's own id.
std::string task_id_of(const dramatiq::Message& message);

class Runner {
 public:
  Runner(Parts parts, RunnerOptions options);

  // Runs and settles it. Never throws, never loses it: what cannot be settled stays in our ack set and is
  // recovered. Once `abandon` is requested, nothing waits for Redis any more.
  void run(const dramatiq::Delivery& delivery, std::stop_token abandon);

 private:
  struct Task;
  class TaskContext;

  void admit(Task& task);
  void begin(Task& task);
  Result<tasks::Begun> open_attempt(Task& task);
  Result<std::string> execute(Task& task);
  void count(const Task& task, double seconds, const Result<std::string>& result);
  void apply(Task& task, Outcome outcome);
  void refuse(Task& task, std::string_view why);
  void settle_unrun(Task& task);
  template <class T>
  Result<T> persist(Task& task, const std::function<redis::Query<T>()>& query);

  Parts parts_;
  RunnerOptions options_;
  Alone alone_;
};

}  // namespace medsynth::worker
