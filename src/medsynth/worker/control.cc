#include "medsynth/worker/control.h"

#include <pthread.h>
#include <unistd.h>

#include <limits>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/aborts.h"
#include "medsynth/limits/overlay.h"

namespace medsynth::worker {
namespace {

using namespace std::chrono_literals;

constexpr auto kReread = 500ms;  // a bell can be missed
constexpr auto kPublish = 1000ms;
// More at once than are kept: a worker that missed so many, or a version that nobody counted up to.
constexpr std::int64_t kMaxVersionsBehind = 1000;

void count_admission(telemetry::Metrics& metrics, const limits::AdmissionState& state) {
  for (const auto& [reason, seconds] : state.blocked_seconds) metrics.limiter_wait_total(reason, seconds);
  for (const auto& [reason, count] : state.waits) metrics.limiter_waits_total(reason, count);
  for (const auto& [reason, count] : state.waiting) metrics.limiter_waiting(reason, count);
  for (const auto& [gate, closed] : state.closed) metrics.limiter_gate(gate, closed);
}

void count_pressure(telemetry::Metrics& metrics, const limits::Pressure& pressure) {
  metrics.pressure("cpu", pressure.cpu_some);
  metrics.pressure("memory", pressure.memory_some);
  metrics.pressure("io", pressure.io_full);
}

}  // namespace

Control::Control(ControlParts parts, Identity identity, limits::Limits environment,
                 std::function<void(const limits::Limits&)> on_limits)
    : parts_(parts),
      identity_(std::move(identity)),
      environment_(environment),
      on_limits_(std::move(on_limits)) {
  snapshot_.worker_id = identity_.worker_id;
  snapshot_.host = identity_.host;
  snapshot_.queues = identity_.queues;
  snapshot_.pid = getpid();
  snapshot_.version = MEDSYNTH_VERSION;
  snapshot_.started_at = rfc3339(parts_.clock.now());
  snapshot_.limits_origin = "environment";
}

void Control::Bell::notify() {
  const MutexLock lock(mutex);
  ring = true;
  rung.notify_all();
}

void Control::set_draining() {
  draining_ = true;
  bell_->notify();
}

void Control::set_environment(const limits::Limits& environment) {
  {
    const MutexLock lock(bell_->mutex);
    bell_->environment = environment;
  }
  bell_->notify();
}

bool Control::take_environment() {
  const MutexLock lock(bell_->mutex);
  const auto environment = std::exchange(bell_->environment, std::nullopt);
  if (environment) environment_ = *environment;
  return environment.has_value();
}

void Control::run(std::stop_token stop) {
  pthread_setname_np(pthread_self(), "ms-control");
  parts_.client.subscribe({parts_.fleet.bell_channel()},
                          [bell = bell_](std::string_view, std::string_view) { bell->notify(); });
  parts_.client.on_connect([bell = bell_] { bell->notify(); });
  SteadyTime next_publish = {};
  for (bool rung = true; !stop.stop_requested();) {
    if (parts_.client.connected()) {
      obey();
      stop_cancelled();
      stop_aborted();
      if (const SteadyTime now = parts_.clock.steady(); rung || now >= next_publish) {
        next_publish = now + kPublish;
        publish();
      }
    }
    Bell& bell = *bell_;
    const MutexLock lock(bell.mutex);
    bell.rung.wait_for(bell.mutex, stop, kReread, [&bell]() REQUIRES(bell.mutex) { return bell.ring; });
    rung = std::exchange(bell.ring, false);
    snapshot_.draining = draining_;
  }
}

// Applies what is newer than the last control this worker obeyed, and confirms each version.
void Control::obey() {
  const std::int64_t since =
      know_version_ ? snapshot_.control_version : std::numeric_limits<std::int64_t>::max();
  const auto control = parts_.client.run(parts_.fleet.control(since));
  if (!said("limits and requests cannot be read", control)) return;
  if (take_environment() || !know_version_ || control->version != snapshot_.control_version)
    apply_limits(control->limits, control->faults);
  std::int64_t version = know_version_ ? snapshot_.control_version : control->version;
  std::map<std::int64_t, const fleet::Request*> requests;
  for (const fleet::Request& request : control->requests) requests[request.version] = &request;
  if (control->version - version > kMaxVersionsBehind) version = control->version - kMaxVersionsBehind;
  while (version < control->version) {
    const auto found = requests.find(++version);
    const json::object outcome = found == requests.end()
                                     ? described::to_value(parts_.limiter.limits()).get_object()
                                     : answer(*found->second);
    const auto confirmed = parts_.client.run(parts_.fleet.confirm(version, identity_.worker_id, outcome));
    said("changes cannot be confirmed", confirmed);
  }
  // A version that went back is a Redis that lost its state: start over from there.
  snapshot_.control_version = control->version;
  know_version_ = true;
}

void Control::apply_limits(const std::map<std::string, double>& set, std::vector<Fault> unread) {
  const auto [wanted, used, faults] = limits::overlay(environment_, set);
  unread.insert(unread.end(), faults.begin(), faults.end());
  pass_over(unread);
  snapshot_.limits_origin = used.empty() ? "environment" : "api";
  if (wanted == parts_.limiter.limits()) return;
  parts_.limiter.set_limits(wanted);
  on_limits_(wanted);
  log::info("limits changed", {{"limits", described::to_value(wanted)}, {"origin", snapshot_.limits_origin}});
}

json::object Control::answer(const fleet::Request& request) {
  if (request.kind == "models.list") {
    list_models(parts_.sensors.system().memory);
    return {{"models", described::to_value(snapshot_.models)}};
  }
  if (request.kind == "models.use") {
    const fleet::ChosenModel chosen = parts_.models.use(request.argument);
    list_models(parts_.sensors.system().memory);
    log::info("default model changed",
              {{"model", request.argument}, {"is_default", chosen.is_default}, {"problem", chosen.problem}});
    return {{"use", described::to_value(chosen)}};
  }
  json::object removals;
  if (request.kind == "cache.remove") {
    removals[request.argument] = described::enum_name(parts_.cache.remove(request.argument));
  } else if (request.kind == "cache.clear") {
    for (const auto& [id, removal] : parts_.cache.clear()) removals[id] = described::enum_name(removal);
  } else {
    return {{"error", "unknown request"}};  // of a newer server
  }
  log::info("cache changed", {{"removals", removals}});
  return {{"removals", std::move(removals)}};
}

// Cancelling or deleting a task leaves a tombstone for its message; whoever has it in hand stops it.
void Control::stop_cancelled() {
  for (const auto& task : parts_.in_flight.all()) {
    const auto found = parts_.client.run(parts_.store.has_tombstone(task->message_id));
    if (said("cancelled tasks cannot be looked for", found) && *found)
      task->stop(pipeline::StopCause::cancelled);
  }
}

// dramatiq-abort may give a task some time to end by itself.
void Control::stop_aborted() {
  std::vector<std::shared_ptr<pipeline::InFlightTask>> tasks = parts_.in_flight.all();
  std::erase_if(tasks, [](const auto& task) { return !task->abortable; });
  std::map<std::string, SteadyTime> stop_at;
  if (!tasks.empty()) {
    std::vector<std::string> ids;
    for (const auto& task : tasks) ids.push_back(task->message_id);
    const auto times = parts_.client.run(dramatiq::abort_times(ids));
    if (!said("aborted messages cannot be looked for", times)) return;
    const SteadyTime now = parts_.clock.steady();
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      if (!(*times)[i]) continue;
      const auto known = stop_at_.find(ids[i]);
      const SteadyTime at = known == stop_at_.end() ? now + *(*times)[i] : known->second;
      if (now >= at) tasks[i]->stop(pipeline::StopCause::cancelled);
      stop_at.emplace(ids[i], at);
    }
  }
  stop_at_ = std::move(stop_at);
}

// Into the metrics: what is counted elsewhere, and what is true now.
void Control::count(const models::CacheStats& cache, const limits::Pressure& pressure) {
  telemetry::Metrics& metrics = parts_.metrics;
  metrics.model_cache({cache.size, cache.hits, cache.misses, cache.coalesced, cache.evictions,
                       cache.expirations, cache.load_failures, cache.memory_bytes, cache.reserved_bytes,
                       cache.leaked_bytes});
  // Series do not end by themselves: a model that was published before and has left takes nothing.
  for (const fleet::ModelReport& model : snapshot_.cache.models)
    metrics.update_model_memory_usage(model.id, 0);
  for (auto& [model, tasks] : waiting_) tasks = 0;
  for (const models::ModelStats& model : cache.models) {
    metrics.update_model_memory_usage(model.id, static_cast<double>(model.memory_bytes),
                                      static_cast<double>(model.measured_bytes));
    waiting_.try_emplace(model.id, 0);  // nobody waits is a figure, too
  }
  for (const auto& [model, tasks] : parts_.in_flight.waiting_for_models()) waiting_[model] = tasks;
  for (const auto& [model, tasks] : waiting_) metrics.update_queue_size(model, static_cast<double>(tasks));
  metrics.lost_leases_total(parts_.consumer.lost_leases());
  const limits::AdmissionState admission = parts_.limiter.admission();
  count_admission(metrics, admission);
  say_gates(admission);
  count_pressure(metrics, pressure);
}

// A catalogue that cannot be read leaves what was known; who runs tasks says what is wrong with it.
void Control::list_models(const limits::MemoryInfo& memory) {
  auto models = parts_.models.installed(memory, parts_.limiter.limits().max_memory_percent);
  if (said("the catalogue of models cannot be read", models)) snapshot_.models = std::move(*models);
}

// Once for each gate that closed or opened since it was looked at last, with who waits for it here.
void Control::say_gates(const limits::AdmissionState& state) {
  for (const auto& [gate, closed] : state.closed) {
    if (std::exchange(closed_gates_[gate], closed) == closed) continue;
    const auto waiting = state.waiting.find(gate);
    const bool known = closed && snapshot_.usage["reason"] == json::value(gate);
    log::info(closed ? "gate closed" : "gate opened",
              {{"gate", gate},
               {"waiting", waiting == state.waiting.end() ? 0 : waiting->second},
               {"why", known ? snapshot_.usage["detail"] : json::value("")}});
  }
}

void Control::publish() {
  const models::CacheStats stats = parts_.cache.get_stats();
  snapshot_.at = rfc3339(parts_.clock.now());
  const limits::Usage usage = parts_.limiter.get_resource_usage();
  snapshot_.usage = described::to_value(usage).get_object();
  const limits::SystemInfo system = parts_.sensors.system();
  snapshot_.system = described::to_value(system).get_object();
  count(stats, system.pressure);
  if (auto report = described::from_value<fleet::CacheReport>(described::to_value(stats)))
    snapshot_.cache = std::move(*report);
  snapshot_.tasks = parts_.in_flight.reports(parts_.clock.now());
  snapshot_.run_times = parts_.actors.run_times();
  list_models(system.memory);
  snapshot_.metrics.clear();
  for (const telemetry::Sample& sample : parts_.metrics.samples()) {
    if (auto copy = described::from_value<fleet::Sample>(described::to_value(sample)))
      snapshot_.metrics.push_back(std::move(*copy));
  }
  said("this worker cannot report what it does", parts_.client.run(parts_.fleet.publish(snapshot_)));
  fleet::Tally totals = fleet::totals_of(snapshot_.metrics);
  totals.cpu_percent = usage.cpu_percent;
  totals.memory_percent = usage.memory_percent;
  if (said("the history misses what this worker does",
           parts_.client.run(parts_.fleet.count(fleet::since(counted_, totals)))))
    counted_ = totals;
}

// Limits in Redis that cannot be: said once, as long as they are the same.
void Control::pass_over(const std::vector<Fault>& faults) {
  std::string why;
  for (const Fault& fault : faults)
    why += fmt::format("{}{} {}", why.empty() ? "" : "; ", fault.pointer, fault.detail);
  if (why != passed_over_ && !why.empty())
    log::warning("limits in Redis are wrong and are passed over: set them again, or reset them",
                 {{"worker", identity_.worker_id}, {"why", why}});
  passed_over_ = why;
}

}  // namespace medsynth::worker
