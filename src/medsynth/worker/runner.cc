#include "medsynth/worker/runner.h"

#include <algorithm>
#include <exception>
#include <random>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/log.h"
#include "medsynth/dramatiq/aborts.h"
#include "medsynth/worker/running.h"

namespace medsynth::worker {
namespace {

using namespace std::chrono_literals;

// A model lock or slot that is not free is no error; everything else that keeps a task waiting is shown to
// people.
bool is_waiting(const Error& error) {
  return error.code == Code::timeout;
}

const dramatiq::ActorOptions& options_of(const Actor* actor) {
  static const dramatiq::ActorOptions unknown;
  return actor ? actor->options : unknown;
}

Fail skipped(std::string why) {
  return {.error = std::move(why), .skipped = true};
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
  Task task{
      .delivery = delivery, .abandon = std::move(abandon), .actor = parts_.actors.find(message.actor_name)};
  task.hand =
      parts_.in_hand.add(task_id_of(message), message.message_id, message.actor_name, parts_.clock.now(),
                         task.actor && dramatiq::is_abortable(message, task.actor->options));
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
  if (!task.actor)
    return end_unrun(task, skipped(fmt::format("no actor is called '{}' here", message.actor_name)));
  if (dramatiq::is_too_old(message, task.actor->options, parts_.clock.now()))
    return end_unrun(task, skipped("the message is older than its max_age"));
  auto prepared = task.actor->prepare(message.args, message.kwargs);
  if (!prepared) return end_unrun(task, Fail{fmt::format("wrong arguments: {}", prepared.error().message)});
  task.prepared = std::move(*prepared);
  if (task.prepared.model) {
    auto model = parts_.models.resolve(*task.prepared.model);
    if (!model) return end_unrun(task, Fail{model.error().message});
    task.model = std::move(*model);
    if (task.model) task.hand->wants(task.model->model.name);
  }
  if (!task.actor->light) {
    const limits::Needs needs = parts_.models.needs(message.actor_name, task.model);
    auto lease = parts_.limiter.acquire(
        needs, options_.patience, task.hand->wait_token(),
        [&](const limits::Wait& wait) { task.hand->show("waiting", wait.reason, parts_.clock.now()); });
    if (!lease) {
      if (task.hand->stop_cause() == StopCause::cancelled) return end_unrun(task, EndCancelled{"cancelled"});
      if (is_waiting(lease.error()) || lease.error().code == Code::cancelled) return give_back(task);
      return end_unrun(task, Fail{lease.error().message});
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
  const auto deaths = persist<std::int64_t>(task.abandon, [&] { return parts_.broker.note_start(delivery); });
  if (deaths && *deaths < 0)
    return log::warning("the message was no longer ours", {{"task_id", task.hand->task_id}});
  if (!open_attempt(task)) return;
  if (is_aborted(task)) return apply(task, EndCancelled{"aborted before it started"});

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
  count_start(delivery.message);
  task.ran = true;
  Result<std::string> result = execute(task);
  count(task, std::chrono::duration<double>(parts_.clock.steady() - start).count(), result);
  apply(task, decide({std::move(result), task.hand->stop_cause()}, delivery.message,
                     dramatiq::policy_of(delivery.message, task.actor->options.retries), uniform()));
}

// In the record, where there is one. False: there is nothing to run, and the message is settled as it must
// be.
bool Runner::open_attempt(Task& task) {
  using enum tasks::Begun::Outcome;
  if (task.actor && !task.actor->tracked) return true;
  const dramatiq::Delivery& delivery = task.delivery;
  const auto begun = persist<tasks::Begun>(task.abandon, [&] {
    return parts_.store.begin(
        {task.hand->task_id, delivery.message.message_id, dramatiq::canonical_queue(delivery.queue),
         delivery.message.actor_name, options_.worker},
        parts_.clock.now());
  });
  if (!begun) {
    log::error("task could not be started",
               {{"task_id", task.hand->task_id}, {"error", begun.error().message}});
    // Where its record belongs lies something else. Left alone, the message would stay with us.
    if (begun.error().code == Code::conflict)
      parts_.consumer.dead(delivery, delivery.message, begun.error().message);
    return false;
  }
  if (begun->outcome == ended)
    settle_ended(task);
  else if (begun->outcome != run)
    settle_unrun(task);
  task.attempt = begun->attempt;
  return begun->outcome == run;
}

void Runner::count_start(const dramatiq::Message& message) {
  parts_.metrics.message_started(message.queue_name, message.actor_name);
  // A retry waited for its turn by our own choice.
  if (message.integer_option("retries").value_or(0) > 0) return;
  const std::int64_t waited = millis(parts_.clock.now()) - message.message_timestamp;
  parts_.metrics.message_waited(message.queue_name, message.actor_name,
                                static_cast<double>(std::max<std::int64_t>(0, waited)) / 1000);
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
  Ending ending = ending_of(std::move(outcome), task.delivery, task.attempt, options_of(task.actor), now);
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

// By dramatiq-abort. Whether it is asked to is no reason to wait for Redis.
bool Runner::is_aborted(const Task& task) {
  if (!task.hand->abortable) return false;
  const auto aborted = parts_.client.run(dramatiq::cancelled({task.hand->message_id}));
  return aborted && aborted->front();
}

// A message that can never run, or must not: its record says why.
void Runner::end_unrun(Task& task, Outcome outcome) {
  parts_.consumer.started(task.delivery);
  if (!open_attempt(task)) return;
  apply(task, std::move(outcome));
}

// The record has ended: for this message, when its worker died before it was settled. Then it is settled as
// it would have been, with its dead letter, its callbacks and the next step of its pipeline.
void Runner::settle_ended(Task& task) {
  using Found = std::optional<tasks::Record>;
  const auto record = persist<Found>(task.abandon, [&] { return parts_.store.get(task.hand->task_id); });
  if (!record) return;
  const dramatiq::Message& message = task.delivery.message;
  const auto policy = dramatiq::policy_of(message, options_of(task.actor).retries);
  auto outcome = *record ? outcome_of(**record, message, policy) : std::nullopt;
  if (!outcome) return settle_unrun(task);
  parts_.consumer.settle(
      ending_of(std::move(*outcome), task.delivery, {}, options_of(task.actor), parts_.clock.now())
          .settlement);
}

// The record was cancelled or deleted, or belongs to another message: this one has nothing left to do.
void Runner::settle_unrun(Task& task) {
  const dramatiq::Message& message = task.delivery.message;
  const dramatiq::ActorOptions& actor = options_of(task.actor);
  const bool ours = parts_.consumer.settle(
      {.lease = task.delivery,
       .follow = dramatiq::after_skip(message, std::nullopt, actor, actor.result_keys)});
  if (!task.ran) parts_.metrics.message_skipped(message.queue_name, message.actor_name);
  if (!ours) return;  // whoever has it must hear of it, too
  (void)persist<redis::Done>(task.abandon, [&] { return parts_.store.forget_tombstone(message.message_id); });
  (void)persist<redis::Done>(task.abandon, [&] { return dramatiq::forget_abort(message.message_id); });
}

}  // namespace medsynth::worker
