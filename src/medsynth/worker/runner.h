// One message from our hands to its settlement: admission, record, model, actor, outcome. Follow run_one() to
// follow a task; those that need no admission and end at once run together (together.cc).
//
// Thread safe: every worker thread calls run().
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <stop_token>
#include <vector>

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
#include "medsynth/worker/recorder.h"

namespace medsynth::worker {

class Actors;

// What a runner works with; all of it outlives the runner.
struct Parts {
  redis::Client& client;
  const tasks::Store& store;
  const dramatiq::Broker& broker;
  dramatiq::Consumer& consumer;
  limits::Limiter& limiter;
  const ModelSource& models;
  const ModelDeaths& deaths;
  InHand& in_hand;
  Actors& actors;
  telemetry::Metrics& metrics;
  const Clock& clock;
};

struct RunnerOptions {
  std::string worker;           // host and worker id, for the record
  std::int64_t max_deaths = 3;  // 0: never
  // What cannot start within this time goes back to the head of the queue, where another worker may take it,
  // and with it everything behind it that has not started.
  std::chrono::milliseconds patience{1000};
};

// The task that a message stands for: kwargs.task_id, else options.task_id, else the message's own id.
std::string task_id_of(const dramatiq::Message& message);

// The actors of a process, by name, and how long those that need no admission run.
class Actors {
 public:
  explicit Actors(std::vector<Actor> actors);
  const Actor* find(std::string_view name) const;
  std::vector<std::string_view> names() const;
  // What ConsumerOptions::expected_work asks.
  std::optional<std::chrono::microseconds> expected_work(const dramatiq::Message& message) const;
  void ran(const Actor& actor, std::chrono::nanoseconds each);

 private:
  struct Entry {
    Actor actor;
    std::atomic<std::int64_t> nanoseconds{1'000'000};  // as long as nobody knows better
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

class Runner {
 public:
  Runner(Parts parts, RunnerOptions options);

  // Runs and settles what take_some() gave. Never throws, never loses it: what cannot be settled stays in our
  // ack set and is recovered. Once `abandon` is requested, nothing waits for Redis any more.
  void run(std::vector<dramatiq::Delivery> deliveries, std::stop_token abandon);
  bool wait_recorded(SteadyTime deadline) { return recorder_.wait_idle(deadline); }

 private:
  struct Task;
  class TaskContext;
  struct Light;

  void run_one(const dramatiq::Delivery& delivery, std::stop_token abandon);
  void run_together(std::vector<dramatiq::Delivery> deliveries, const std::stop_token& abandon);
  Alone::Place enter_together(std::vector<dramatiq::Delivery>& deliveries, const std::stop_token& abandon);
  std::future<std::vector<Light*>> look_for_aborted(std::vector<Light>& lights);
  bool open_together(std::vector<Light>& lights, const std::stop_token& abandon);
  bool open_records(std::vector<Light>& lights, const std::stop_token& abandon);
  SteadyTime::duration run_light(Light& light, const std::stop_token& abandon);
  void admit(Task& task);
  bool killed_too_many(std::int64_t deaths) const;
  void forget_starts(const std::vector<const dramatiq::Delivery*>& deliveries);
  std::optional<std::int64_t> note_start(Task& task);
  std::optional<std::int64_t> enter(Task& task);
  void begin(Task& task);
  bool open_attempt(Task& task);
  Result<std::string> execute(Task& task);
  void count_start(const dramatiq::Message& message);
  void count(const Task& task, double seconds, const Result<std::string>& result);
  void apply(Task& task, Outcome outcome);
  bool is_aborted(const Task& task);
  void end_unrun(Task& task, Outcome outcome);
  void settle_ended(Task& task);
  void settle_unrun(Task& task);
  void give_back(Task& task);
  void stop_unrun(Task& task);
  void bury(Task& task, std::string reason);
  Outcome outcome_of_error(const Task& task, Error error) const;
  template <class T>
  Result<T> persist(const std::stop_token& stop, std::string_view what,
                    const std::function<redis::Query<T>()>& query);

  Parts parts_;
  RunnerOptions options_;
  Alone alone_;
  redis::Trouble trouble_;
  Recorder recorder_;
};

}  // namespace medsynth::worker
