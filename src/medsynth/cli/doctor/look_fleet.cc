#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "medsynth/api/waiting_view.h"
#include "medsynth/base/described.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/text.h"
#include "medsynth/cli/doctor/look.h"
#include "medsynth/dramatiq/broker.h"
#include "medsynth/dramatiq/queues.h"
#include "medsynth/dramatiq/workers.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/tasks/store.h"

namespace medsynth::cli::doctor {
namespace {

constexpr std::int64_t kTasks = 200;  // of each status that are looked at

double number(const json::object& object, std::string_view name) {
  const auto* member = object.if_contains(name);
  return member && member->is_number() ? member->to_number<double>() : 0;
}

std::string text(const json::object& object, std::string_view name) {
  const auto* member = object.if_contains(name);
  return member && member->is_string() ? std::string(member->get_string()) : "";
}

void add_report(const fleet::Snapshot& snapshot, WallTime now, WorkerFacts& worker) {
  worker.reports = true;
  worker.host = snapshot.host;
  worker.pid = snapshot.pid;
  worker.version = snapshot.version;
  worker.draining = snapshot.draining;
  worker.queues = snapshot.queues;
  worker.gate_reason = text(snapshot.usage, "reason");
  worker.gate_detail = text(snapshot.usage, "detail");
  for (const char* name :
       {"max_cpu_percent", "max_memory_percent", "max_gpu_percent", "max_concurrent_tasks"})
    if (snapshot.usage.contains(name)) worker.limits[name] = number(snapshot.usage, name);
  if (const auto at = parse_rfc3339(snapshot.at))
    worker.behind_s = static_cast<double>((now - *at).count()) / 1e6;
}

Seen<WaitingFacts> look_at_waiting(const tasks::Store& store, const dramatiq::Queues& queues,
                                   const std::vector<fleet::Snapshot>& alive, redis::Client& client,
                                   WallTime now) {
  const auto paused = client.run(queues.paused());
  if (!paused) return Seen<WaitingFacts>::hidden(printable(paused.error().message));
  const api::WaitingFacts known{.roll = {.alive = alive, .silent = {}},
                                .paused = {paused->begin(), paused->end()}};
  api::WaitingView view(known, now);
  WaitingFacts facts;
  for (const tasks::Status status : {tasks::Status::pending, tasks::Status::retrying}) {
    const auto list = store.list({.status = status, .limit = kTasks, .offset = 0, .cursor = ""}, now);
    const auto page = list ? client.run(*list) : list.error();
    if (!page) return Seen<WaitingFacts>::hidden(printable(page.error().message));
    facts.unended += page->total;
    facts.looked_at += static_cast<std::int64_t>(page->tasks.size());
    for (const tasks::Record& task : page->tasks) {
      const auto waiting = view.of(task, std::nullopt);
      if (!waiting) continue;
      WaitingFacts::Reason& reason = facts.reasons[waiting->reason];
      if (reason.tasks++ == 0) reason = {1, waiting->detail, waiting->remedy};
    }
  }
  return facts;
}

}  // namespace

Seen<FleetFacts> look_at_fleet(const Settings& settings, const redis::Url& url, redis::Client& client,
                               WallTime now) {
  const auto hidden = [](const Error& error) { return Seen<FleetFacts>::hidden(printable(error.message)); };
  const dramatiq::Broker broker(
      {.namespace_ = settings.namespace_, .worker_id = "doctor", .database = url.database});
  const fleet::Fleet fleet({settings.namespace_, settings.task_storage_prefix, url.database});
  const dramatiq::Queues queues(broker);
  const tasks::Store store({.prefix = settings.task_storage_prefix,
                            .ttl = std::chrono::seconds(settings.task_storage_ttl),
                            .database = url.database});
  const auto snapshots = client.run(fleet.snapshots());
  if (!snapshots) return hidden(snapshots.error());
  const dramatiq::Workers registry(broker);
  const auto registered = client.run(registry.ours());
  if (!registered) return hidden(registered.error());
  const auto beats = client.run(registry.heartbeats());
  if (!beats) return hidden(beats.error());
  const auto known = client.run(queues.known());
  if (!known) return hidden(known.error());
  const auto blocked = client.run(fleet.blocked_models(now));
  if (!blocked) return hidden(blocked.error());
  FleetFacts facts;
  for (const fleet::BlockedModel& each : *blocked)
    facts.blocked.push_back({each.model, each.file, each.deaths, each.until});
  std::map<std::string, WorkerFacts> workers;
  for (const dramatiq::WorkerEntry& each : *registered) {
    WorkerFacts& worker = workers[each.worker_id];
    worker.registered = true;
    worker.host = each.host;
    worker.pid = each.pid;
  }
  for (const dramatiq::Heartbeat& each : *beats) {
    const auto found = workers.find(each.worker_id);
    if (found != workers.end())
      found->second.silent_s = static_cast<double>(each.silent_for.count()) / 1e3;
    else if (each.silent_for < broker.options().heartbeat_timeout)
      ++facts.python_workers;
  }
  std::set<std::string> names(known->begin(), known->end());
  for (const std::string& each : queue_names(settings)) names.insert(each);
  for (const fleet::Snapshot& each : *snapshots) {
    add_report(each, now, workers[each.worker_id]);
    names.insert(each.queues.begin(), each.queues.end());
  }
  for (auto& [id, worker] : workers) {
    worker.id = id;
    facts.workers.push_back(std::move(worker));
  }
  const auto states = client.run(queues.states({names.begin(), names.end()}));
  if (!states) return hidden(states.error());
  for (const dramatiq::QueueState& each : *states)
    facts.queues.push_back({each.name, each.paused, each.depth.ready, each.depth.dead});
  facts.waiting = look_at_waiting(store, queues, *snapshots, client, now);
  return facts;
}

}  // namespace medsynth::cli::doctor
