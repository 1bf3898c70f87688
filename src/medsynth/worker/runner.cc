#include "medsynth/worker/runner.h"

#include <random>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/log.h"
#include "medsynth/worker/actor.h"

namespace medsynth::worker {
namespace {

using namespace std::chrono_literals;

constexpr auto kRedisRetry = 500ms;     // between looks at a Redis that is away
constexpr auto kProgressEvery = 100ms;  // a progress write costs a round trip
constexpr double kModelLoaded = 10;     // progress once the model is there, as in the source document

double uniform() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

std::chrono::milliseconds time_limit(const dramatiq::Message& message, const jobs::Actor& actor) {
  const auto own = message.integer_option("time_limit");
  return std::chrono::milliseconds(own && *own > 0 ? *own : actor.time_limit_ms);
}

// A model lock or slot that is not free is no error; everything else that keeps a task waiting is shown to
// people.
bool is_waiting(const Error& error) {
  return error.code == Code::timeout;
}

}  // namespace

const Actor* Actors::find(std::string_view name) const {
  for (const Actor& actor : actors_)
    if (actor.about.name == name) return &actor;
  return nullptr;
}

std::string task_id_of(const dramatiq::Message& message) {
  return tasks::identity_of(message.kwargs, message.option("task_id"), message.message_id);
}

// One message on its way.
struct Runner::Task {
  const dramatiq::Delivery& delivery;
  std::stop_token abandon;
  std::shared_ptr<InHandTask> hand;
  const Actor* actor = nullptr;
  Prepared prepared = {};
  std::optional<models::Resolved> model = {};
  limits::Lease lease = {};
  Alone::Place place = {};
  tasks::Attempt attempt = {};
  inference::Until until = {};
};

class Runner::TaskContext final : public Context {
 public:
  TaskContext(Parts& parts, Task& task) : parts_(parts), task_(task) {}

  // Loads the wanted model, or finds it in the cache.
  Result<> open_model() {
    if (!task_.model) return success();
    task_.hand->show("loading", task_.model->model.name, parts_.clock.now());
    BOOST_OUTCOME_TRY(auto handle, parts_.models.open(*task_.model, task_.until, [this](double part) {
      progress(kModelLoaded * part, "loading model");
    }));
    if (const auto keep = task_.prepared.model->keep_alive) handle.keep_alive(keep_alive_time(*keep));
    handle_ = std::move(handle);
    return success();
  }

  std::string_view task_id() const override { return task_.hand->task_id; }
  const inference::Until& until() const override { return task_.until; }
  double elapsed() const override {
    return std::chrono::duration<double>(parts_.clock.steady() - start_).count();
  }
  inference::Model* model() override { return handle_ ? &handle_.as<inference::Model>() : nullptr; }

  std::optional<jobs::ModelUsed> model_used() const override {
    if (!handle_) return std::nullopt;
    const inference::ModelInfo& info = handle_.as<inference::Model>().info();
    return jobs::ModelUsed{info.id, info.digest, info.description, task_.model->model.demo};
  }

  Result<std::optional<contradiction::Calibration>> calibration() override {
    return parts_.models.calibration(task_.model, model());
  }

  // Progress that cannot be written is not worth failing for; a stop that it brings is obeyed.
  void progress(double percent, std::string_view stage) override {
    const SteadyTime now = parts_.clock.steady();
    if (now < next_ && stage == stage_) return;
    next_ = now + kProgressEvery;
    stage_ = stage;
    const auto written = parts_.client.run(parts_.store.progress(
        task_.attempt, percent, {{"stage", json::write_string(stage)}}, parts_.clock.now()));
    if (written && written->stop_requested) task_.hand->stop(StopCause::cancelled);
  }

 private:
  Parts& parts_;
  Task& task_;
  const SteadyTime start_ = parts_.clock.steady();
  models::Handle handle_;
  SteadyTime next_ = {};
  std::string stage_;
};

Runner::Runner(Parts parts, RunnerOptions options) : parts_(parts), options_(std::move(options)) {}

void Runner::run(const dramatiq::Delivery& delivery, std::stop_token abandon) {
  const dramatiq::Message& message = delivery.message;
  Task task{.delivery = delivery, .abandon = std::move(abandon)};
  task.hand =
      parts_.in_hand.add(task_id_of(message), message.message_id, message.actor_name, parts_.clock.now());
  try {
    admit(task);
  } catch (const std::exception& error) {
    // The one last catch of a worker thread: a bug of ours or of a library becomes a failed attempt, not a
    // dead process.
    log::error("task raised", {{"task_id", task.hand->task_id}, {"error", error.what()}});
    apply(task, decide({Error{Code::internal, error.what(), ""}, task.hand->stop_cause()}, message,
                       dramatiq::policy_of(message, {}), uniform()));
  }
  parts_.in_hand.remove(task.hand);
}

// Reads the message, finds its model, and waits for slot, lock and admission. No record is touched while it
// waits: waiting is no attempt.
void Runner::admit(Task& task) {
  const dramatiq::Message& message = task.delivery.message;
  task.actor = parts_.actors.find(message.actor_name);
  if (!task.actor) return refuse(task, fmt::format("no actor is called '{}' here", message.actor_name));
  auto prepared = task.actor->prepare(message.args, message.kwargs);
  if (!prepared) return refuse(task, fmt::format("wrong arguments: {}", prepared.error().message));
  task.prepared = std::move(*prepared);
  if (task.prepared.model) {
    auto model = parts_.models.resolve(*task.prepared.model);
    if (!model) return refuse(task, model.error().message);
    task.model = std::move(*model);
  }
  const limits::Needs needs = parts_.models.needs(message.actor_name, task.model);
  auto lease = parts_.limiter.acquire(
      needs, options_.patience, task.hand->stop_token(),
      [&](const limits::Wait& wait) { task.hand->show("waiting", wait.reason, parts_.clock.now()); });
  if (!lease) {
    if (task.hand->stop_cause() == StopCause::cancelled) return settle_unrun(task);
    if (is_waiting(lease.error()) || task.hand->stop_cause() == StopCause::shutdown)
      return parts_.consumer.give_back(task.delivery);
    return refuse(task, lease.error().message);
  }
  task.lease = std::move(*lease);
  begin(task);
}

// Opens the attempt in the record, then runs it.
void Runner::begin(Task& task) {
  const dramatiq::Delivery& delivery = task.delivery;
  const auto deaths = persist<std::int64_t>(task, [&] { return parts_.broker.count_start(delivery); });
  if (deaths && *deaths < 0)
    return log::warning("the message was no longer ours", {{"task_id", task.hand->task_id}});
  const auto begun = open_attempt(task);
  if (!begun)
    return log::error("task could not be started",
                      {{"task_id", task.hand->task_id}, {"error", begun.error().message}});
  if (begun->outcome != tasks::Begun::Outcome::run) return settle_unrun(task);
  task.attempt = begun->attempt;

  const std::int64_t earlier = deaths ? *deaths : 0;
  if (options_.max_deaths > 0 && earlier >= options_.max_deaths)
    return apply(task, Fail{fmt::format("the worker died {} times while it ran this task", earlier)});
  task.place = alone_.enter(earlier > 0, task.hand->stop_token());
  if (!task.place)
    return apply(task, task.hand->stop_cause() == StopCause::cancelled ? Outcome(EndCancelled{"cancelled"})
                                                                       : Outcome(GiveBack{}));

  const SteadyTime start = parts_.clock.steady();
  task.until = {task.hand->stop_token(), start + time_limit(delivery.message, task.actor->about)};
  task.hand->show("running", "", parts_.clock.now());
  log::info("task started", {{"task_id", task.hand->task_id},
                             {"actor", delivery.message.actor_name},
                             {"attempt", task.attempt.number}});
  parts_.metrics.message_started(delivery.message.queue_name, delivery.message.actor_name);
  Result<std::string> result = execute(task);
  count(task, std::chrono::duration<double>(parts_.clock.steady() - start).count(), result);
  apply(task, decide({std::move(result), task.hand->stop_cause()}, delivery.message,
                     dramatiq::policy_of(delivery.message, {.max_retries = task.actor->about.max_retries}),
                     uniform()));
}

Result<tasks::Begun> Runner::open_attempt(Task& task) {
  const dramatiq::Delivery& delivery = task.delivery;
  return persist<tasks::Begun>(task, [&] {
    return parts_.store.begin(
        {task.hand->task_id, delivery.message.message_id, dramatiq::canonical_queue(delivery.queue),
         delivery.message.actor_name, options_.worker},
        parts_.clock.now());
  });
}

void Runner::count(const Task& task, double seconds, const Result<std::string>& result) {
  const dramatiq::Message& message = task.delivery.message;
  const std::string model = task.model ? task.model->model.name : "none";
  parts_.metrics.message_ended(message.queue_name, message.actor_name, !result, seconds * 1000);
  parts_.metrics.inference(model, task.actor->about.operation, result.has_value(), seconds);
  telemetry::log_ml_event({.model = model,
                           .operation = task.actor->about.operation,
                           .succeeded = result.has_value(),
                           .duration = seconds,
                           .error = result ? "" : std::string_view(result.error().message),
                           .metadata = {{"task_id", task.hand->task_id}, {"attempt", task.attempt.number}}});
}

Result<std::string> Runner::execute(Task& task) {
  TaskContext context(parts_, task);
  BOOST_OUTCOME_TRY(context.open_model());
  task.hand->show("running", "", parts_.clock.now());
  return task.prepared.run(context);
}

// Writes the outcome into the record, then settles the message: a crash in between runs into a record that
// has ended, and the message is settled unrun.
void Runner::apply(Task& task, Outcome outcome) {
  const dramatiq::Delivery& delivery = task.delivery;
  const WallTime now = parts_.clock.now();
  const tasks::Attempt& attempt = task.attempt;
  const auto write = [&](const std::function<redis::Query<tasks::Written>()>& query) {
    const auto written = persist<tasks::Written>(task, query);
    if (!written)
      log::error("task's end could not be written",
                 {{"task_id", task.hand->task_id}, {"error", written.error().message}});
    return written.has_value();
  };
  std::string_view how;
  std::string why;
  bool ours = true;
  if (auto* complete = std::get_if<Complete>(&outcome)) {
    how = "completed";
    if (!write([&] { return parts_.store.complete(attempt, complete->result, now); })) return;
    ours = parts_.consumer.ack(delivery);
  } else if (auto* retry = std::get_if<Retry>(&outcome)) {
    how = "retrying", why = retry->error;
    const WallTime eta = now + retry->delay;
    if (!write([&] { return parts_.store.retry(attempt, retry->error, eta, now); })) return;
    ours = parts_.consumer.retry(delivery, dramatiq::after_failure(delivery.message, retry->error, now), eta);
    parts_.metrics.message_retried(delivery.message.queue_name, delivery.message.actor_name);
  } else if (auto* fail = std::get_if<Fail>(&outcome)) {
    how = "failed", why = fail->error;
    if (!write([&] { return parts_.store.fail(attempt, fail->error, now); })) return;
    ours = parts_.consumer.dead(delivery, dramatiq::after_failure(delivery.message, fail->error, now),
                                fail->error);
    parts_.metrics.message_rejected(delivery.message.queue_name, delivery.message.actor_name);
  } else if (auto* cancelled = std::get_if<EndCancelled>(&outcome)) {
    how = "cancelled";
    if (!write([&] { return parts_.store.end_cancelled(attempt, cancelled->why, now); })) return;
    settle_unrun(task);
  } else {
    how = "given back";
    if (!write([&] { return parts_.store.release(attempt, now); })) return;
    parts_.consumer.give_back(delivery);
  }
  log::info("task ended",
            {{"task_id", task.hand->task_id}, {"outcome", how}, {"attempt", attempt.number}, {"error", why}});
  if (!ours)
    log::warning("the message was no longer ours",
                 {{"task_id", task.hand->task_id}, {"message_id", delivery.message.message_id}});
}

// A message that can never run: its record says why, and it becomes a dead letter.
void Runner::refuse(Task& task, std::string_view why) {
  const auto begun = open_attempt(task);
  if (!begun) return;
  if (begun->outcome != tasks::Begun::Outcome::run) return settle_unrun(task);
  task.attempt = begun->attempt;
  apply(task, Fail{std::string(why)});
}

// The record has ended, was cancelled or deleted: the message has nothing left to do.
void Runner::settle_unrun(Task& task) {
  parts_.consumer.ack(task.delivery);
  parts_.metrics.message_skipped(task.delivery.message.queue_name, task.delivery.message.actor_name);
  (void)persist<redis::Done>(task,
                             [&] { return parts_.store.forget_tombstone(task.delivery.message.message_id); });
}

// Carries out a query that must not be lost, for as long as Redis is away.
template <class T>
Result<T> Runner::persist(Task& task, const std::function<redis::Query<T>()>& query) {
  for (;;) {
    Result<T> result = parts_.client.run(query());
    const bool away =
        !result && (result.error().code == Code::unavailable || result.error().code == Code::timeout);
    if (!away || task.abandon.stop_requested()) return result;
    (void)parts_.client.wait_connected(kRedisRetry, task.abandon);
  }
}

}  // namespace medsynth::worker
