#include "medsynth/worker/runner.h"

#include <random>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/log.h"
#include "medsynth/worker/running.h"

namespace medsynth::worker {
namespace {

using namespace std::chrono_literals;

// A model lock or slot that is not free is no error; everything else that keeps a task waiting is shown to
// people.
bool is_waiting(const Error& error) {
  return error.code == Code::timeout;
}

}  // namespace

double uniform() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

std::chrono::milliseconds time_limit(const dramatiq::Message& message, const Actor& actor) {
  const auto own = message.integer_option("time_limit");
  return own && *own > 0 ? std::chrono::milliseconds(*own) : actor.options.time_limit;
}

Actors::Actors(std::vector<Actor> actors) {
  for (Actor& actor : actors) entries_[std::string(actor.about.name)].actor = std::move(actor);
}

const Actor* Actors::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second.actor;
}

std::optional<std::chrono::microseconds> Actors::expected_work(const dramatiq::Message& message) const {
  const auto found = entries_.find(message.actor_name);
  if (found == entries_.end() || !found->second.actor.light) return std::nullopt;
  return std::chrono::ceil<std::chrono::microseconds>(std::chrono::nanoseconds(found->second.nanoseconds));
}

// Half of what it was and half of what it is: one slow message does not change much, ten do.
void Actors::ran(const Actor& actor, std::chrono::nanoseconds each) {
  std::atomic<std::int64_t>& known = entries_.find(actor.about.name)->second.nanoseconds;
  known = (known + each.count()) / 2;
}

std::string task_id_of(const dramatiq::Message& message) {
  return tasks::identity_of(message.kwargs, message.option("task_id"), message.message_id);
}

Runner::Runner(Parts parts, RunnerOptions options)
    : parts_(parts),
      options_(std::move(options)),
      recorder_(parts.client, parts.store, parts.consumer, parts.clock, options_.worker) {}

void Runner::run(std::vector<dramatiq::Delivery> deliveries, std::stop_token abandon) {
  if (deliveries.empty()) return;
  const Actor* first = parts_.actors.find(deliveries.front().message.actor_name);
  if (first && first->light) return run_together(std::move(deliveries), abandon);
  for (const dramatiq::Delivery& delivery : deliveries) run_one(delivery, abandon);
}

void Runner::run_one(const dramatiq::Delivery& delivery, std::stop_token abandon) {
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
  if (dramatiq::is_too_old(message, task.actor->options, parts_.clock.now()))
    return refuse(task, "the message is older than its max_age");
  auto prepared = task.actor->prepare(message.args, message.kwargs);
  if (!prepared) return refuse(task, fmt::format("wrong arguments: {}", prepared.error().message));
  task.prepared = std::move(*prepared);
  if (task.prepared.model) {
    auto model = parts_.models.resolve(*task.prepared.model);
    if (!model) return refuse(task, model.error().message);
    task.model = std::move(*model);
  }
  if (!task.actor->light) {
    const limits::Needs needs = parts_.models.needs(message.actor_name, task.model);
    auto lease = parts_.limiter.acquire(
        needs, options_.patience, task.hand->wait_token(),
        [&](const limits::Wait& wait) { task.hand->show("waiting", wait.reason, parts_.clock.now()); });
    if (!lease) {
      if (task.hand->stop_cause() == StopCause::cancelled) return settle_unrun(task);
      if (is_waiting(lease.error()) || lease.error().code == Code::cancelled) return give_back(task);
      return refuse(task, lease.error().message);
    }
    task.lease = std::move(*lease);
  }
  parts_.consumer.started(task.delivery);
  begin(task);
}

// What cannot start goes back with all that have not started: one by one they would end up in another order.
void Runner::give_back(Task& task) {
  parts_.in_hand.recall_all();
  parts_.consumer.give_back(task.delivery);
}

// Opens the attempt in the record, then runs it.
void Runner::begin(Task& task) {
  const dramatiq::Delivery& delivery = task.delivery;
  const auto deaths =
      persist<std::int64_t>(task.abandon, [&] { return parts_.broker.count_start(delivery); });
  if (deaths && *deaths < 0)
    return log::warning("the message was no longer ours", {{"task_id", task.hand->task_id}});
  if (task.actor->tracked) {
    const auto begun = open_attempt(task);
    if (!begun)
      return log::error("task could not be started",
                        {{"task_id", task.hand->task_id}, {"error", begun.error().message}});
    if (begun->outcome == tasks::Begun::Outcome::ended) return settle_ended(task);
    if (begun->outcome != tasks::Begun::Outcome::run) return settle_unrun(task);
    task.attempt = begun->attempt;
  }

  const std::int64_t earlier = deaths ? *deaths : 0;
  if (options_.max_deaths > 0 && earlier >= options_.max_deaths)
    return apply(task, Fail{fmt::format("the worker died {} times while it ran this task", earlier)});
  task.place = alone_.enter(earlier > 0, task.hand->stop_token());
  if (!task.place)
    return apply(task, task.hand->stop_cause() == StopCause::cancelled ? Outcome(EndCancelled{"cancelled"})
                                                                       : Outcome(GiveBack{}));

  const SteadyTime start = parts_.clock.steady();
  task.until = {task.hand->stop_token(), start + time_limit(delivery.message, *task.actor)};
  task.hand->show("running", "", parts_.clock.now());
  log::info("task started", {{"task_id", task.hand->task_id},
                             {"actor", delivery.message.actor_name},
                             {"attempt", task.attempt.number}});
  parts_.metrics.message_started(delivery.message.queue_name, delivery.message.actor_name);
  Result<std::string> result = execute(task);
  count(task, std::chrono::duration<double>(parts_.clock.steady() - start).count(), result);
  apply(task, decide({std::move(result), task.hand->stop_cause()}, delivery.message,
                     dramatiq::policy_of(delivery.message, task.actor->options.retries), uniform()));
}

Result<tasks::Begun> Runner::open_attempt(Task& task) {
  const dramatiq::Delivery& delivery = task.delivery;
  return persist<tasks::Begun>(task.abandon, [&] {
    return parts_.store.begin(
        {task.hand->task_id, delivery.message.message_id, dramatiq::canonical_queue(delivery.queue),
         delivery.message.actor_name, options_.worker},
        parts_.clock.now());
  });
}

void Runner::count(const Task& task, double seconds, const Result<std::string>& result) {
  const dramatiq::Message& message = task.delivery.message;
  if (task.actor->light)
    return parts_.metrics.message_ended(message.queue_name, message.actor_name, !result, seconds * 1000);
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
// has ended, and the message is settled as that record says.
void Runner::apply(Task& task, Outcome outcome) {
  const WallTime now = parts_.clock.now();
  const auto is_written = [&](const auto& written) {
    if (!written)
      log::error("task's end could not be written",
                 {{"task_id", task.hand->task_id}, {"error", written.error().message}});
    return written.has_value();
  };
  const bool tracked = task.attempt.number > 0;
  if (std::holds_alternative<GiveBack>(outcome)) {
    if (tracked && !is_written(persist<tasks::Written>(
                       task.abandon, [&] { return parts_.store.release(task.attempt, now); })))
      return;
    return parts_.consumer.give_back(task.delivery);
  }
  static const dramatiq::ActorOptions unknown;
  Ending ending = ending_of(std::move(outcome), task.delivery, task.attempt,
                            task.actor ? task.actor->options : unknown, now);
  if (tracked && !is_written(persist<std::vector<tasks::Written>>(task.abandon, [&] {
        return parts_.store.advance({ending.advance}, options_.worker, now);
      })))
    return;
  const dramatiq::Message& message = task.delivery.message;
  if (ending.how == "retrying") parts_.metrics.message_retried(message.queue_name, message.actor_name);
  if (ending.how == "failed") parts_.metrics.message_rejected(message.queue_name, message.actor_name);
  const bool ours = ending.how == "cancelled" ? (settle_unrun(task), true)
                                              : parts_.consumer.settle(std::move(ending.settlement));
  log::info("task ended", {{"task_id", task.hand->task_id},
                           {"outcome", ending.how},
                           {"attempt", task.attempt.number},
                           {"error", ending.why}});
  if (!ours)
    log::warning("the message was no longer ours",
                 {{"task_id", task.hand->task_id}, {"message_id", message.message_id}});
}

// A message that can never run: its record says why, and it becomes a dead letter.
void Runner::refuse(Task& task, std::string_view why) {
  parts_.consumer.started(task.delivery);
  if (!task.actor || task.actor->tracked) {
    const auto begun = open_attempt(task);
    if (!begun) return;
    if (begun->outcome == tasks::Begun::Outcome::ended) return settle_ended(task);
    if (begun->outcome != tasks::Begun::Outcome::run) return settle_unrun(task);
    task.attempt = begun->attempt;
  }
  apply(task, Fail{std::string(why)});
}

// The record has ended: for this message, when its worker died before it was settled. Then it is settled as
// it would have been, with its dead letter, its callbacks and the next step of its pipeline.
void Runner::settle_ended(Task& task) {
  using Found = std::optional<tasks::Record>;
  const auto record = persist<Found>(task.abandon, [&] { return parts_.store.get(task.hand->task_id); });
  if (!record) return;
  auto outcome = *record ? outcome_of(**record, task.delivery.message.message_id) : std::nullopt;
  if (!outcome) return settle_unrun(task);
  static const dramatiq::ActorOptions unknown;
  const Actor* actor = parts_.actors.find(task.delivery.message.actor_name);
  parts_.consumer.settle(
      ending_of(std::move(*outcome), task.delivery, {}, actor ? actor->options : unknown, parts_.clock.now())
          .settlement);
}

// The record was cancelled or deleted, or belongs to another message: this one has nothing left to do.
void Runner::settle_unrun(Task& task) {
  parts_.consumer.ack(task.delivery);
  parts_.metrics.message_skipped(task.delivery.message.queue_name, task.delivery.message.actor_name);
  (void)persist<redis::Done>(task.abandon,
                             [&] { return parts_.store.forget_tombstone(task.delivery.message.message_id); });
}

}  // namespace medsynth::worker
