#include "medsynth/api/waiting_view.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/stored.h"
#include "medsynth/limits/limits.h"

namespace medsynth::api {
namespace {

constexpr std::int64_t kMostHolders = 64;  // more tasks at once than one machine runs say nothing new

// The workers' name of a wait, as it is told.
std::string told(const std::string& reason) {
  return reason == "slots" ? "slot" : reason;
}

double seconds_between(WallTime from, WallTime to) {
  return std::chrono::duration<double>(to - from).count();
}

bool is_waiting(const fleet::TaskReport& report) {
  return report.state == "waiting";
}

limits::Usage usage_of(const fleet::Snapshot& snapshot) {
  std::vector<Fault> passed_over;
  return described::from_stored<limits::Usage>(snapshot.usage, passed_over);
}

// What lifts it.
std::string remedy_of(std::string_view reason, const std::string& model) {
  if (reason == "slots")
    return "A task ends, or more may run at once: medsynth limits set max_concurrent_tasks=N";
  if (reason == "model_lock")
    return fmt::format(
        "The task that uses {} ends, or more may use it at once: `parallel` of its entry in "
        "models.toml",
        model);
  if (reason == "cpu")
    return "A task or another program ends, or the limit is raised: medsynth limits set max_cpu_percent=100";
  if (reason == "memory")
    return "A task or another program ends, a model leaves (medsynth cache clear), or the limit is raised: "
           "medsynth limits set max_memory_percent=N";
  if (reason == "gpu" || reason == "gpu_memory")
    return "Whatever uses the GPU ends, or the limit is raised: medsynth limits set max_gpu_percent=100";
  return "Redis lets the worker write: medsynth doctor says what is wrong";
}

// Waits for what running tasks of ours hold, and not for what others load the machine with.
bool is_for_ours(const fleet::TaskReport& report, const std::vector<const fleet::Snapshot*>& workers) {
  if (report.reason == "slots" || report.reason == "model_lock") return true;
  if (report.reason == "redis") return false;
  return std::none_of(workers.begin(), workers.end(), [&](const fleet::Snapshot* each) {
    const auto* reason = each->usage.if_contains("reason");  // of a task that needs nothing
    return reason && *reason == json::value(report.reason);
  });
}

}  // namespace

std::optional<Due> due_of(const tasks::Record& record, tasks::Status status, WallTime now) {
  const bool failed = status == tasks::Status::retrying;
  if (!failed && status != tasks::Status::pending) return std::nullopt;
  const auto text = record.text(failed ? "next_attempt_at" : "eta");
  const auto at = parse_rfc3339(text.value_or(""));
  if (!at || *at <= now) return std::nullopt;
  return Due{failed ? "retry" : "delayed", *at, *text};
}

WaitingView::WaitingView(const WaitingFacts& facts, WallTime now) : facts_(facts), now_(now) {
  for (const fleet::Snapshot& worker : facts.roll.alive)
    for (const fleet::TaskReport& task : worker.tasks)
      if (is_waiting(task) && !task.reason.empty()) waiting_[task.task_id] = {&worker, &task};
}

WaitingView::Workers WaitingView::consumers_of(std::string_view queue) const {
  Workers workers;
  for (const fleet::Snapshot& each : facts_.roll.alive)
    if (!each.draining && std::find(each.queues.begin(), each.queues.end(), queue) != each.queues.end())
      workers.push_back(&each);
  return workers;
}

std::optional<tasks::Waiting> WaitingView::of(const tasks::Record& record,
                                              std::optional<std::int64_t> ahead) {
  const tasks::Status status = record.status().value_or(tasks::Status::pending);
  const auto queue = record.text("queue");
  if ((status != tasks::Status::pending && status != tasks::Status::retrying) || !queue) return std::nullopt;
  const auto place = ahead ? std::optional(*ahead + 1) : std::nullopt;
  std::optional<tasks::Waiting> waiting = until_due(record, *queue);
  if (!waiting && facts_.paused.contains(*queue)) {
    waiting = tasks::Waiting{.reason = "paused",
                             .detail = fmt::format("queue {} is paused", *queue),
                             .place = place,
                             .remedy = fmt::format("medsynth queues resume {}", *queue)};
  } else if (!waiting) {
    const Workers workers = consumers_of(*queue);
    const auto reported = waiting_.find(record.task_id);
    if (reported != waiting_.end()) {
      Workers of_its_machine;
      for (const fleet::Snapshot* each : workers)
        if (each->host == reported->second.worker->host) of_its_machine.push_back(each);
      const fleet::TaskReport& report = *reported->second.task;
      waiting = for_resources(report, of_its_machine,
                              report.place > 0 ? std::optional(report.place) : std::nullopt);
    } else if (workers.empty()) {
      waiting = for_a_worker(*queue);
      waiting->place = place;
    } else if (const auto first = first_in_line(workers)) {
      waiting = for_resources(*first, workers, place);
      waiting->since.clear();
    }
  }
  if (waiting && waiting->since.empty()) waiting->since = record.text("updated_at").value_or("");
  return waiting;
}

std::optional<tasks::Waiting> WaitingView::until_due(const tasks::Record& record, const std::string& queue) {
  const auto due = due_of(record, record.status().value_or(tasks::Status::pending), now_);
  if (!due) return std::nullopt;
  tasks::Waiting waiting{
      .reason = std::string(due->reason),
      .detail = fmt::format(
          "{} at {}",
          due->reason == "retry" ? "it failed, and is tried again" : "it was sent with a delay, and is due",
          due->text),
      .remedy = fmt::format("It starts by itself then; medsynth tasks cancel {} ends it", record.task_id)};
  if (reason_of_queue(queue).empty()) {
    constexpr double kUntilTaken = 1;  // seconds after it is due
    const double left = seconds_between(now_, due->at);
    waiting.estimate = tasks::Estimate{std::max(0.0, left - kUntilTaken), left + kUntilTaken};
  }
  return waiting;
}

tasks::Waiting WaitingView::for_a_worker(const std::string& queue) const {
  tasks::Waiting waiting{
      .reason = "no_worker",
      .detail = fmt::format("no worker that is alive takes from queue {}", queue),
      .remedy = fmt::format("Start one: medsynth serve, or medsynth worker --queues {}", queue)};
  if (!facts_.roll.silent.empty()) {
    const fleet::Silent& last =
        *std::max_element(facts_.roll.silent.begin(), facts_.roll.silent.end(),
                          [](const fleet::Silent& a, const fleet::Silent& b) { return a.since < b.since; });
    waiting.detail +=
        fmt::format("; worker {} has not reported since {}", last.worker_id, rfc3339(last.since));
  }
  return waiting;
}

std::optional<fleet::TaskReport> WaitingView::first_in_line(const Workers& workers) const {
  std::optional<fleet::TaskReport> first, any;
  for (const fleet::Snapshot* worker : workers) {
    const limits::Usage usage = usage_of(*worker);
    bool some_wait = false;
    for (const fleet::TaskReport& task : worker->tasks) {
      if (!is_waiting(task) || task.reason.empty()) continue;
      some_wait = true;
      if (!first || task.since < first->since) first = task;
    }
    if (usage.reason.empty() && !some_wait) return std::nullopt;  // it takes the next one at once
    any = fleet::TaskReport{.reason = usage.reason, .detail = usage.detail};
  }
  return first ? first : any;
}

tasks::Waiting WaitingView::for_resources(const fleet::TaskReport& report, const Workers& workers,
                                          std::optional<std::int64_t> place) {
  tasks::Waiting waiting{.reason = told(report.reason),
                         .since = report.since,
                         .detail = report.detail,
                         .place = place,
                         .have = report.have,
                         .need = report.need,
                         .remedy = remedy_of(report.reason, report.model)};
  if (!is_for_ours(report, workers)) return waiting;
  // The one that began first is the likeliest to end first.
  const fleet::TaskReport* holder = nullptr;
  for (const fleet::Snapshot* worker : workers)
    for (const fleet::TaskReport& each : worker->tasks) {
      const bool holds = !is_waiting(each) && (report.reason != "model_lock" || each.model == report.model);
      if (holds && (!holder || each.began < holder->began)) holder = &each;
    }
  if (holder) waiting.holder = holder->task_id;
  if (place) waiting.estimate = forecast(report, workers).at(*place);
  return waiting;
}

const Forecast& WaitingView::forecast(const fleet::TaskReport& report, const Workers& workers) {
  const auto key = std::tuple(workers.empty() ? "" : workers.front()->worker_id, workers.size(),
                              report.reason, report.model);
  if (const auto known = forecasts_.find(key); known != forecasts_.end()) return known->second;

  const bool by_model = report.reason == "model_lock";
  std::vector<double> ahead;  // how long those in line will run
  std::map<std::pair<std::string, std::string>, std::vector<double>> by_kind;
  std::map<std::string, std::int64_t> slots;  // by machine
  for (const fleet::Snapshot* worker : workers) {
    slots[worker->host] = usage_of(*worker).max_concurrent_tasks;
    for (const fleet::RunTime& each : worker->run_times) {
      by_kind[{each.actor, each.model}].push_back(each.seconds);
      if (!by_model || each.model == report.model) ahead.push_back(each.seconds);
    }
  }
  std::vector<Forecast::Holder> holders;
  for (const fleet::Snapshot* worker : workers)
    for (const fleet::TaskReport& each : worker->tasks) {
      if (is_waiting(each) || (by_model && each.model != report.model)) continue;
      const auto began = parse_rfc3339(each.began);
      const auto like_it = by_kind.find({each.actor, each.model});
      holders.push_back({.elapsed = began ? std::max(0.0, seconds_between(*began, now_)) : 0,
                         .run_times = like_it == by_kind.end() ? ahead : like_it->second});
    }
  // One that has just ended and another that has just begun: the reports do not tell of it yet.
  std::int64_t most = by_model ? 1 : 0;
  if (report.reason == "slots")
    for (const auto& [host, count] : slots) most += count;
  while (static_cast<std::int64_t>(holders.size()) < std::min(most, kMostHolders))
    holders.push_back({.elapsed = 0, .run_times = ahead});
  return forecasts_.emplace(key, Forecast(holders, ahead)).first->second;
}

std::string WaitingView::reason_of_queue(const std::string& queue) {
  if (facts_.paused.contains(queue)) return "paused";
  const Workers workers = consumers_of(queue);
  if (workers.empty()) return "no_worker";
  const auto first = first_in_line(workers);
  return first ? told(first->reason) : "";
}

}  // namespace medsynth::api
