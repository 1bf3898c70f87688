#include "medsynth/worker/runner.h"

#include <algorithm>
#include <exception>
#include <random>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/id.h"
#include "medsynth/base/log.h"
#include "medsynth/dramatiq/aborts.h"
#include "medsynth/telemetry/label.h"
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

constexpr std::string_view kEndUnwritten = "a task's end cannot be written into its record";

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

std::vector<std::string_view> Actors::names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
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
      recorder_(parts.client, parts.store, parts.consumer, parts.clock, trouble_, options_.worker) {}

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
  // What is in hand is published again and again: without a caller's text of any length.
  task.hand = parts_.in_hand.add(task_id_of(message), message.message_id,
                                 task.actor ? message.actor_name : std::string(telemetry::Label::kUnknown),
                                 parts_.clock.now(),
                                 task.actor && dramatiq::is_abortable(message, task.actor->options));
  try {
    admit(task);
  } catch (const std::exception& error) {
    // The one last catch of a worker thread: a bug of ours becomes a failed attempt, not a dead process.
    log::error("task raised", {{"task_id", task.hand->task_id}, {"error", error.what()}});
    apply(task, outcome_of_error(task, {Code::internal, error.what(), ""}));
  }
  parts_.in_hand.remove(task.hand);
}

// By the actor's policy, as when it had run.
Outcome Runner::outcome_of_error(const Task& task, Error error) const {
  return decide({std::move(error), task.hand->stop_cause()}, task.delivery.message,
                dramatiq::policy_of(task.delivery.message, options_of(task.actor).retries), uniform());
}

// Reads the message, finds its model, and waits for slot, lock and admission. No record is touched while it
// waits: waiting is no attempt.
void Runner::admit(Task& task) {
  const dramatiq::Message& message = task.delivery.message;
  if (!task.actor)
    return end_unrun(
        task, skipped(fmt::format("no actor is called '{}' here{}", message.actor_name,
                                  described::did_you_mean(message.actor_name, parts_.actors.names()))));
  if (dramatiq::is_too_old(message, task.actor->options, parts_.clock.now()))
    return end_unrun(task, skipped("the message is older than its max_age"));
  auto prepared = guarded([&] { return task.actor->prepare(message.args, message.kwargs); });
  if (!prepared) {
    Error error = prepared.error();
    error.message = "wrong arguments: " + error.message;
    return end_unrun(task, outcome_of_error(task, std::move(error)));
  }
  task.prepared = std::move(*prepared);
  if (task.prepared.model) {
    auto model = parts_.models.resolve(*task.prepared.model);
    if (!model) return end_unrun(task, outcome_of_error(task, model.error()));
    task.model = std::move(*model);
    if (task.model) task.hand->wants(task.model->model.name);
  }
  if (!task.actor->light) {
    limits::Needs needs = parts_.models.needs(message.actor_name, task.model);
    needs.brief = !task.model && task.actor->brief_without_model;
    auto lease = parts_.limiter.acquire(
        needs, options_.patience, task.hand->wait_token(),
        [&](const limits::Wait& wait) { task.hand->show("waiting", wait.reason, parts_.clock.now()); });
    if (!lease) {
      if (task.hand->stop_cause() == StopCause::cancelled) return end_unrun(task, EndCancelled{"cancelled"});
      if (is_waiting(lease.error()) || lease.error().code == Code::cancelled) return give_back(task);
      return end_unrun(task, outcome_of_error(task, lease.error()));
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

// Its start is not written yet, and it was asked to stop.
void Runner::stop_unrun(Task& task) {
  if (task.hand->stop_cause() == StopCause::cancelled) return end_unrun(task, EndCancelled{"cancelled"});
  parts_.consumer.give_back(task.delivery);
}

// What can never be written: said where people look for it.
void Runner::bury(Task& task, std::string reason) {
  log::error("task became a dead letter", {{"task_id", task.hand->task_id}, {"error", reason}});
  parts_.metrics.message_rejected(task.delivery.message.queue_name, task.delivery.message.actor_name);
  parts_.consumer.dead(task.delivery, task.delivery.message, std::move(reason));
}

// How many workers died running it; nothing: it does not run, and has left our hands.
std::optional<std::int64_t> Runner::note_start(Task& task) {
  const auto deaths = persist<std::int64_t>(task.hand->stop_token(), "a task's start cannot be noted",
                                            [&] { return parts_.broker.note_start(task.delivery); });
  if (deaths && *deaths >= 0) return *deaths;
  if (deaths) {
    log::warning("the message was no longer ours", {{"task_id", task.hand->task_id}});
    parts_.consumer.forget(task.delivery);
  } else if (is_hopeless(deaths.error())) {
    bury(task, "its start could not be noted: " + deaths.error().message);
  } else {
    stop_unrun(task);
  }
  return std::nullopt;
}

bool Runner::killed_too_many(std::int64_t deaths) const {
  return options_.max_deaths > 0 && deaths >= options_.max_deaths;
}

// A place to run in, and then the start: what waits for a place has not started, and must not count as dead
// when the one that runs alone takes the worker with it.
std::optional<std::int64_t> Runner::enter(Task& task) {
  for (const bool by_itself : {false, true}) {
    task.place = {};
    task.place = alone_.enter(by_itself, task.hand->stop_token());
    if (!task.place) {
      stop_unrun(task);
      return std::nullopt;
    }
    const auto deaths = note_start(task);
    if (!deaths || *deaths == 0 || by_itself || killed_too_many(*deaths)) return deaths;
    forget_starts({&task.delivery});
  }
  return std::nullopt;
}

// Opens the attempt in the record, then runs it.
void Runner::begin(Task& task) {
  const dramatiq::Delivery& delivery = task.delivery;
  const auto deaths = enter(task);
  if (!deaths || !open_attempt(task)) return;
  if (is_aborted(task)) return apply(task, EndCancelled{"aborted before it started"});
  if (killed_too_many(*deaths) && task.model) parts_.deaths.block(*task.model, *deaths, task.hand->task_id);
  if (killed_too_many(*deaths))
    return apply(task, Fail{fmt::format("the worker died {} times while it ran this task", *deaths)});

  const SteadyTime start = parts_.clock.steady();
  task.until = {task.hand->stop_token(), start + time_limit(delivery.message, *task.actor)};
  task.hand->show("running", "", parts_.clock.now());
  log::info("task started", {{"task_id", task.hand->task_id},
                             {"actor", delivery.message.actor_name},
                             {"attempt", task.attempt.number}});
  count_start(delivery.message);
  task.ran = true;
  Result<std::string> result = guarded([&] { return execute(task); });
  count(task, std::chrono::duration<double>(parts_.clock.steady() - start).count(), result);
  task.ended = parts_.clock.now();
  task.place = {};
  task.lease = {};  // others need not wait for Redis
  apply(task, decide({std::move(result), task.hand->stop_cause()}, delivery.message,
                     dramatiq::policy_of(delivery.message, task.actor->options.retries), uniform()));
}

// In the record, where there is one. False: there is nothing to run, and the message is settled as it must
// be.
bool Runner::open_attempt(Task& task) {
  using enum tasks::Begun::Outcome;
  if (task.actor && !task.actor->tracked) return true;
  const dramatiq::Delivery& delivery = task.delivery;
  const auto begun = persist<tasks::Begun>(
      task.hand->stop_token(), "a task cannot be started: its record cannot be written", [&] {
        return parts_.store.begin(
            {task.hand->task_id, delivery.message.message_id, dramatiq::canonical_queue(delivery.queue),
             delivery.message.actor_name, options_.worker},
            parts_.clock.now());
      });
  if (!begun) {
    // Where its record belongs lies something else, or it was asked to stop while Redis refused.
    if (is_hopeless(begun.error()))
      bury(task, begun.error().message);
    else
      parts_.consumer.give_back(delivery);
    return false;
  }
  task.attempt = begun->attempt;
  if (begun->outcome == run) return true;
  task.attempt = {};
  if (begun->outcome == taken)
    apply(task,
          skipped(fmt::format("its task id '{}' belongs to message {}, which has not ended: replay this "
                              "one when it has, or give it another task id",
                              task.hand->task_id, begun->owner)));
  else if (begun->outcome == ended)
    settle_ended(task);
  else
    settle_unrun(task);
  return false;
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
  const bool tracked = task.attempt.number > 0;
  if (std::holds_alternative<GiveBack>(outcome)) {
    // Unwritten, its record says processing: whoever runs it next opens it all the same.
    if (tracked)
      (void)persist<tasks::Written>(task.abandon, kEndUnwritten,
                                    [&] { return parts_.store.release(task.attempt, parts_.clock.now()); });
    return parts_.consumer.give_back(task.delivery);
  }
  Ending ending = ending_of(std::move(outcome), task.delivery, task.attempt, options_of(task.actor),
                            task.ended.value_or(parts_.clock.now()));
  if (tracked) {
    const auto written = persist<std::vector<tasks::Written>>(task.abandon, kEndUnwritten, [&] {
      return parts_.store.advance({ending.advance}, options_.worker, parts_.clock.now());
    });
    if (!written && is_hopeless(written.error()))
      return bury(task, fmt::format("it {}, and its record cannot be written: {}", ending.how,
                                    written.error().message));
    if (!written)  // the process ends: recovery puts the message back
      return log::error("task's end was not written",
                        {{"task_id", task.hand->task_id}, {"error", written.error().message}});
  }
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
  const auto record = persist<Found>(task.hand->stop_token(), "a task's record cannot be read",
                                     [&] { return parts_.store.get(task.hand->task_id); });
  if (!record && is_hopeless(record.error())) return bury(task, record.error().message);
  if (!record) return parts_.consumer.give_back(task.delivery);
  const dramatiq::Message& message = task.delivery.message;
  const auto policy = dramatiq::policy_of(message, options_of(task.actor).retries);
  auto outcome = *record ? outcome_of(**record, message, policy) : std::nullopt;
  if (!outcome) return settle_unrun(task);
  parts_.consumer.settle(
      ending_of(std::move(*outcome), task.delivery, {}, options_of(task.actor), parts_.clock.now())
          .settlement);
}

// The record was cancelled or deleted: its message has nothing left to do.
void Runner::settle_unrun(Task& task) {
  const dramatiq::Message& message = task.delivery.message;
  const dramatiq::ActorOptions& actor = options_of(task.actor);
  const bool ours = parts_.consumer.settle(
      {.lease = task.delivery,
       .follow = dramatiq::after_skip(message, std::nullopt, actor, actor.result_keys)});
  if (!task.ran) parts_.metrics.message_skipped(message.queue_name, message.actor_name);
  if (!ours) return;  // whoever has it must hear of it, too
  // What stays of these expires by itself, and no other message has this id.
  (void)parts_.client.run(parts_.store.forget_tombstone(message.message_id));
  (void)parts_.client.run(dramatiq::forget_abort(message.message_id));
}

}  // namespace medsynth::worker
