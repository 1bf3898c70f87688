// Messages that need no admission and are expected to end at once: one look at Redis starts many, each runs,
// and the recorder writes and settles what they became. What is unusual about one (it was running when a
// worker died, was cancelled, is no fresh record) makes it take the path of one message.
#include <exception>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/aborts.h"
#include "medsynth/worker/running.h"

namespace medsynth::worker {
namespace {

using namespace std::chrono_literals;

constexpr auto kOverdue =
    50ms;  // when those that ran took so long, the others are better off with somebody else

}  // namespace

struct Runner::Light {
  dramatiq::Delivery& delivery;
  const Actor* actor;
  std::string task_id;
  Prepared prepared;
  bool abortable;
  tasks::Attempt attempt = {};
  enum class Path { together, alone, lost } path = Path::together;

  void take_path(std::int64_t deaths) {
    if (deaths < 0) path = Path::lost;
    if (deaths > 0) path = Path::alone;
  }
};

void Runner::run_together(std::vector<dramatiq::Delivery> deliveries, const std::stop_token& abandon) {
  Alone::Place place = enter_together(deliveries, abandon);
  if (!place) return parts_.consumer.give_back(deliveries);
  std::vector<Light> lights;
  lights.reserve(deliveries.size());
  const WallTime now = parts_.clock.now();
  for (dramatiq::Delivery& delivery : deliveries) {
    const Actor* actor = parts_.actors.find(delivery.message.actor_name);
    auto prepared = guarded([&] { return actor->prepare(delivery.message.args, delivery.message.kwargs); });
    const bool usual =
        prepared && !prepared->model && !dramatiq::is_too_old(delivery.message, actor->options, now);
    std::string task_id = task_id_of(delivery.message);
    const bool abortable = dramatiq::is_abortable(delivery.message, actor->options);
    lights.push_back({delivery,
                      actor,
                      std::move(task_id),
                      usual ? std::move(*prepared) : Prepared{},
                      abortable,
                      {},
                      usual ? Light::Path::together : Light::Path::alone});
  }
  if (!open_together(lights, abandon) || !open_records(lights, abandon))
    return parts_.consumer.give_back(deliveries);
  SteadyTime::duration took{};
  std::vector<dramatiq::Delivery> overdue;
  std::vector<Light*> alone;
  bool recorded = false;
  for (Light& light : lights) {
    if (light.path == Light::Path::lost) {
      log::warning("the message was no longer ours", {{"task_id", light.task_id}});
      parts_.consumer.forget(light.delivery);
    } else if (took > kOverdue)
      overdue.push_back(std::move(light.delivery));
    else if (light.path == Light::Path::alone)
      alone.push_back(&light);
    else {
      recorded = recorded || light.actor->tracked;
      took += run_light(light, abandon);
    }
  }
  place = {};
  if (recorded) recorder_.flush();
  if (!overdue.empty()) parts_.consumer.give_back(overdue);
  std::vector<const dramatiq::Delivery*> later;  // what waits for another of them has not started
  for (const Light* light : alone) later.push_back(&light->delivery);
  forget_starts(later);
  for (Light* light : alone) run_one(light->delivery, abandon);
}

void Runner::forget_starts(const std::vector<const dramatiq::Delivery*>& deliveries) {
  std::map<std::string, std::vector<std::string>> ids;
  for (const dramatiq::Delivery* each : deliveries) ids[each->queue].push_back(each->redis_message_id);
  for (const auto& [queue, all] : ids) (void)parts_.client.run(parts_.broker.forget_starts(queue, all));
}

// A place beside others: none while one that killed a worker runs by itself. What has to wait for it has not
// started, and must not count as dead with that one. Empty when it is time to give up.
Alone::Place Runner::enter_together(std::vector<dramatiq::Delivery>& deliveries,
                                    const std::stop_token& abandon) {
  if (Alone::Place place = alone_.try_enter()) return place;
  std::vector<const dramatiq::Delivery*> noted;  // when they were fetched
  for (dramatiq::Delivery& delivery : deliveries) {
    if (delivery.deaths) noted.push_back(&delivery);
    delivery.deaths.reset();
    delivery.unaborted = false;
  }
  forget_starts(noted);
  return alone_.enter(false, abandon);
}

// Those that dramatiq-abort cancelled, asked together with what follows: no further round trip.
std::future<std::vector<Runner::Light*>> Runner::look_for_aborted(std::vector<Light>& lights) {
  std::vector<Light*> abortable;
  std::vector<std::string> ids;
  for (Light& light : lights) {
    if (!light.abortable || light.delivery.unaborted) continue;
    abortable.push_back(&light);
    ids.push_back(light.delivery.message.message_id);
  }
  const auto found = std::make_shared<std::promise<std::vector<Light*>>>();
  auto future = found->get_future();
  if (ids.empty()) {
    found->set_value({});
    return future;
  }
  parts_.client.run<std::vector<bool>>(
      dramatiq::cancelled(std::move(ids)),
      [found, abortable = std::move(abortable)](const Result<std::vector<bool>>& cancelled) mutable {
        std::size_t i = 0;  // whether it is asked to is no reason to wait for Redis
        std::erase_if(abortable, [&](Light*) { return !cancelled || !(*cancelled)[i++]; });
        found->set_value(std::move(abortable));
      });
  return future;
}

// Counts the starts. False when it was told to stop before Redis did it. What can never be done together is
// left to the path of one message, which finds out whose fault it is.
bool Runner::open_together(std::vector<Light>& lights, const std::stop_token& abandon) {
  auto aborted = look_for_aborted(lights);
  std::map<std::string, std::vector<Light*>> queues;
  for (Light& light : lights) {
    if (light.delivery.deaths)
      light.take_path(*light.delivery.deaths);
    else
      queues[light.delivery.queue].push_back(&light);
  }
  for (const auto& [queue, those] : queues) {
    std::vector<std::string> ids;
    for (const Light* light : those) ids.push_back(light->delivery.redis_message_id);
    const auto deaths =
        persist<std::vector<std::int64_t>>(abandon, "the starts of tasks cannot be noted",
                                           [&] { return parts_.broker.note_starts(queue, ids); });
    if (!deaths && !is_hopeless(deaths.error())) return false;
    for (std::size_t i = 0; i < those.size(); ++i) {
      if (deaths)
        those[i]->take_path((*deaths)[i]);
      else
        those[i]->path = Light::Path::alone;
    }
  }
  for (Light* light : aborted.get())
    if (light->path == Light::Path::together) light->path = Light::Path::alone;
  return true;
}

// Reserves the attempts of those whose tasks have records. False as above.
bool Runner::open_records(std::vector<Light>& lights, const std::stop_token& abandon) {
  std::vector<Light*> tracked;
  std::vector<tasks::Begin> begins;
  for (Light& light : lights) {
    if (light.path != Light::Path::together || !light.actor->tracked) continue;
    tracked.push_back(&light);
    begins.push_back({light.task_id, light.delivery.message.message_id,
                      dramatiq::canonical_queue(light.delivery.queue), light.delivery.message.actor_name,
                      options_.worker});
  }
  if (begins.empty()) return true;
  auto attempts =
      persist<std::vector<tasks::Attempt>>(abandon, "tasks cannot be started: their records cannot be read",
                                           [&] { return parts_.store.open(begins, parts_.clock.now()); });
  if (!attempts && !is_hopeless(attempts.error())) return false;
  for (std::size_t i = 0; i < tracked.size(); ++i) {
    if (attempts) tracked[i]->attempt = std::move((*attempts)[i]);
    if (tracked[i]->attempt.number == 0) tracked[i]->path = Light::Path::alone;
  }
  return true;
}

// Answers how long the actor ran: waiting for Redis is not its fault.
SteadyTime::duration Runner::run_light(Light& light, const std::stop_token& abandon) {
  const dramatiq::Message& message = light.delivery.message;
  const SteadyTime start = parts_.clock.steady();
  Task task{.delivery = light.delivery, .abandon = abandon, .actor = light.actor, .attempt = light.attempt};
  task.hand = parts_.in_hand.add(std::move(light.task_id), message.message_id, message.actor_name,
                                 parts_.clock.now(), light.abortable, false);
  task.until = {task.hand->stop_token(), start + time_limit(message, *light.actor)};
  if (light.actor->tracked) recorder_.started(light.attempt);
  count_start(message);
  task.ran = true;
  TaskContext context(parts_, task);
  Result<std::string> result = guarded([&] { return light.prepared.run(context); });
  const auto took = parts_.clock.steady() - start;
  parts_.actors.ran(*light.actor, took);
  parts_.metrics.message_ended(message.queue_name, message.actor_name, !result,
                               std::chrono::duration<double, std::milli>(took).count());
  const double chance = result ? 0 : uniform();  // for the backoff of a failure; drawing it takes a while
  Outcome outcome = decide({std::move(result), task.hand->stop_cause()}, message,
                           dramatiq::policy_of(message, light.actor->options.retries), chance);
  parts_.in_hand.remove(task.hand);
  if (std::holds_alternative<GiveBack>(outcome) || std::holds_alternative<EndCancelled>(outcome)) {
    // It ran long enough to be stopped; its record says processing, if anything.
    if (light.actor->tracked) {
      (void)persist<std::vector<tasks::Written>>(abandon, "a task's state cannot be written", [&] {
        return parts_.store.advance({tasks::to_processing(light.attempt)}, options_.worker,
                                    parts_.clock.now());
      });
    }
    apply(task, std::move(outcome));
    return took;
  }
  Ending ending = ending_of(std::move(outcome), std::move(light.delivery), std::move(light.attempt),
                            light.actor->options, parts_.clock.now());
  if (ending.how == "retrying")
    parts_.metrics.message_retried(ending.settlement.lease.queue, light.actor->about.name);
  if (ending.how == "failed")
    parts_.metrics.message_rejected(ending.settlement.lease.queue, light.actor->about.name);
  if (light.actor->tracked)
    recorder_.ended(std::move(ending));
  else
    parts_.consumer.settle(std::move(ending.settlement), {});
  return took;
}

}  // namespace medsynth::worker
