#include "medsynth/api/fleet_view.h"

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/base/stored.h"
#include "medsynth/base/text.h"
#include "medsynth/limits/overlay.h"

namespace medsynth::api {
namespace {

limits::Limits limits_from(const limits::Usage& usage) {
  return {usage.max_cpu_percent, usage.max_memory_percent, usage.max_gpu_percent, usage.max_concurrent_tasks};
}

void raise_to(limits::Usage& highest, const limits::Usage& other) {
  // std::optional orders what is absent first.
  highest.cpu_percent = std::max(highest.cpu_percent, other.cpu_percent);
  highest.memory_percent = std::max(highest.memory_percent, other.memory_percent);
  highest.gpu_percent = std::max(highest.gpu_percent, other.gpu_percent);
}

}  // namespace

void copy_limits(const limits::Limits& from, limits::Usage& to) {
  to.max_cpu_percent = from.max_cpu_percent;
  to.max_memory_percent = from.max_memory_percent;
  to.max_gpu_percent = from.max_gpu_percent;
  to.max_concurrent_tasks = from.max_concurrent_tasks;
}

std::vector<HostUsage> hosts_of(const std::vector<fleet::Snapshot>& snapshots) {
  std::vector<HostUsage> hosts;
  for (const fleet::Snapshot& snapshot : snapshots) {
    if (!snapshot.usage.contains("concurrent_tasks")) continue;  // nothing that could be shown
    std::vector<Fault> passed_over;
    const auto usage = described::from_stored<limits::Usage>(snapshot.usage, passed_over);
    auto host = std::find_if(hosts.begin(), hosts.end(),
                             [&](const HostUsage& each) { return each.host == snapshot.host; });
    if (host == hosts.end()) {
      hosts.push_back({usage, snapshot.host, {snapshot.worker_id}, snapshot.limits_origin, snapshot.tasks});
      continue;
    }
    host->workers.push_back(snapshot.worker_id);
    host->tasks.insert(host->tasks.end(), snapshot.tasks.begin(), snapshot.tasks.end());
    raise_to(*host, usage);
    host->concurrent_tasks = std::max(host->concurrent_tasks, usage.concurrent_tasks);
  }
  return hosts;
}

limits::Limits limits_in_force(const std::vector<fleet::Snapshot>& snapshots,
                               const std::map<std::string, double>& set, const limits::Limits& environment) {
  limits::Limits limits = environment;
  for (const HostUsage& host : hosts_of(snapshots)) {
    if (host.origin != "environment") continue;
    limits = limits_from(host);
    break;
  }
  return limits::overlay(limits, set).limits;
}

std::vector<Fault> faults_of(const fleet::Snapshot& snapshot) {
  std::vector<Fault> faults = snapshot.faults, inside;
  (void)described::from_stored<limits::Usage>(snapshot.usage, inside);
  for (Fault& fault : inside) faults.push_back({"/usage" + fault.pointer, std::move(fault.detail)});
  return faults;
}

UsageAnswer usage_of(std::vector<HostUsage> hosts, const limits::Limits& limits) {
  UsageAnswer answer;
  for (const HostUsage& host : hosts) {
    raise_to(answer, host);
    answer.concurrent_tasks += host.concurrent_tasks;
  }
  copy_limits(limits, answer);
  answer.hosts = std::move(hosts);
  return answer;
}

CacheAnswer cache_of(const std::vector<fleet::Snapshot>& snapshots, std::int64_t max_size_alone,
                     double ttl_alone) {
  if (snapshots.empty()) return {.max_size = max_size_alone, .ttl = ttl_alone, .models = {}, .workers = {}};
  CacheAnswer answer;
  for (const fleet::Snapshot& snapshot : snapshots) {
    const fleet::CacheReport& cache = snapshot.cache;
    answer.size += cache.size;
    answer.max_size += cache.max_size;
    answer.ttl = std::max(answer.ttl, cache.ttl);
    for (const fleet::ModelReport& model : cache.models)
      answer.models.push_back({{model}, snapshot.host, snapshot.worker_id});
    answer.memory_bytes += cache.memory_bytes;
    answer.max_memory_bytes += cache.max_memory_bytes;
    answer.workers.push_back({{snapshot.worker_id, snapshot.host}, cache});
  }
  return answer;
}

ModelsAnswer models_of(const std::vector<fleet::Snapshot>& snapshots) {
  ModelsAnswer answer;
  std::set<std::string_view> hosts;
  for (const fleet::Snapshot& snapshot : snapshots) {
    if (snapshot.draining) continue;  // it runs nothing more, or is a Python process
    if (!snapshot.models) answer.unknown.push_back({snapshot.worker_id, snapshot.host});
    if (!snapshot.models || !hosts.insert(snapshot.host).second) continue;
    for (const fleet::InstalledModel& model : *snapshot.models)
      answer.models.push_back({model, snapshot.host});
  }
  std::ranges::sort(answer.models, {}, [](const ListedModel& each) { return std::tie(each.id, each.host); });
  return answer;
}

namespace {

// An older worker does not know the request.
fleet::ChosenModel chosen_in(const json::object& answer) {
  const json::value* said = answer.if_contains("use");
  auto read = said ? described::from_value<fleet::ChosenModel>(*said) : Result<fleet::ChosenModel>(Error{});
  if (read) return std::move(*read);
  return {.problem = "its worker has another version, which cannot choose"};
}

}  // namespace

Result<ModelChoice> choice_of(const std::vector<fleet::Snapshot>& snapshots, std::string_view model,
                              const std::map<std::string, json::object>& answers) {
  ModelChoice choice{.id = std::string(model)};
  bool is_absent = true;
  for (const fleet::Snapshot& snapshot : snapshots) {
    const auto answer = answers.find(snapshot.worker_id);
    if (answer == answers.end()) {
      choice.silent.push_back(snapshot.worker_id);
      continue;
    }
    const fleet::ChosenModel chosen = chosen_in(answer->second);
    if (!chosen.kind.empty()) choice.kind = chosen.kind;
    is_absent = is_absent && chosen.kind.empty() && answer->second.contains("use");
    const auto host = std::ranges::find(choice.hosts, snapshot.host, &HostChoice::host);
    if (host == choice.hosts.end())
      choice.hosts.push_back({snapshot.host, chosen.is_default, chosen.problem});
    else if (!chosen.is_default)  // what stands in the way of one worker does so for its host's tasks
      *host = {snapshot.host, false, chosen.problem};
  }
  if (std::ranges::any_of(choice.hosts, &HostChoice::is_default)) return choice;
  if (is_absent && choice.silent.empty())
    return Error{Code::not_found, fmt::format("No host has the model {} (GET /v1/models)", model),
                 "model_not_found"};
  return Error{Code::unavailable,
               choice.hosts.empty() ? "No worker confirmed in time: it may be chosen by now (GET /v1/models)"
                                    : fmt::format("{} is the default nowhere; {}: {}", model,
                                                  choice.hosts[0].host, choice.hosts[0].problem),
               "not_chosen"};
}

Result<> check_model(const std::vector<fleet::Snapshot>& snapshots, const std::string& pointer,
                     std::string_view model, std::string_view kind) {
  const ModelsAnswer known = models_of(snapshots);
  if (std::ranges::all_of(snapshots, &fleet::Snapshot::draining) || !known.unknown.empty()) return success();
  std::set<std::string_view> names;
  std::string_view found, problem;  // of a model of that name: its kind, and why it cannot be used
  for (const ListedModel& each : known.models) {
    // A language model can embed, too.
    const bool serves = each.kind == kind || (kind == "sentence" && each.kind == "language");
    if (each.id == model && serves && each.problem.empty()) return success();
    if (each.id == model && serves) problem = each.problem;
    if (each.id == model) found = each.kind;
    if (serves) names.insert(each.id);
  }
  if (!problem.empty())
    return invalid(pointer, fmt::format("cannot be used where it is installed: {}", problem));
  return invalid(
      pointer,
      fmt::format("{}; {} (GET /v1/models, 'medsynth models add NAME FILE')",
                  found == "sentence" && kind == "language" ? "is a sentence model, which judges nothing"
                  : !found.empty() ? fmt::format("is a {} model, and not a {} model", found, kind)
                                   : "is not installed anywhere",
                  names.empty() ? "nothing is" : fmt::format("there is {}", fmt::join(names, ", "))));
}

std::optional<Error> failed_model(const std::vector<fleet::Snapshot>& snapshots, std::string_view model,
                                  WallTime now) {
  std::optional<Error> failed;
  for (const fleet::Snapshot& snapshot : snapshots) {
    if (snapshot.draining) continue;
    const auto& models = snapshot.cache.models;
    const auto found = std::find_if(models.begin(), models.end(), [&](const fleet::ModelReport& each) {
      return each.id == model && each.state == "failed" && each.retry_at;
    });
    if (found == models.end()) return std::nullopt;  // this worker may still load it
    const auto retry_at = parse_rfc3339(*found->retry_at);
    if (!retry_at || *retry_at <= now) return std::nullopt;
    const auto wait = std::chrono::ceil<std::chrono::seconds>(*retry_at - now);
    if (!failed || wait < *failed->retry_after) {
      failed =
          Error{Code::unavailable,
                "The model " + std::string(model) + " could not be loaded: " + found->error, "model_failed"};
      failed->retry_after = wait;
    }
  }
  return failed;
}

HealthCheck workers_check(const Result<fleet::Roll>& roll,
                          const Result<std::vector<dramatiq::WorkerEntry>>& registered) {
  if (!roll) return {"workers", false, roll.error().message};
  std::string notes;
  const auto note = [&](std::string text) { notes += (notes.empty() ? "" : "; ") + std::move(text); };
  std::set<std::string_view> seen;
  for (const fleet::Snapshot& each : roll->alive) {
    seen.insert(each.worker_id);
    if (const auto faults = faults_of(each); !faults.empty())
      note(fmt::format("worker {} reports what cannot be ({} {})", each.worker_id, faults[0].pointer,
                       faults[0].detail));
  }
  const auto working = std::count_if(roll->alive.begin(), roll->alive.end(),
                                     [](const fleet::Snapshot& each) { return !each.draining; });
  if (working > 0)
    return {"workers", true, fmt::format("{} alive{}{}", working, notes.empty() ? "" : "; ", notes)};
  if (!roll->alive.empty()) note("those that are alive are stopping");
  for (const fleet::Silent& each : roll->silent) {
    seen.insert(each.worker_id);
    note(fmt::format("worker {}: no report since {}", each.worker_id, rfc3339(each.since)));
  }
  if (!registered) note(registered.error().message);
  for (const dramatiq::WorkerEntry& each : registered ? *registered : std::vector<dramatiq::WorkerEntry>{}) {
    if (!seen.contains(each.worker_id))
      note(fmt::format("worker {} (process {} of {}) has never reported; its log says why", each.worker_id,
                       each.pid, printable(each.host)));
  }
  return {"workers", false, fmt::format("none is alive{}{}", notes.empty() ? "" : ": ", notes)};
}

telemetry::Sample gauge(std::string name, std::string help, std::map<std::string, std::string> labels,
                        double value) {
  return {.name = std::move(name),
          .kind = "gauge",
          .help = std::move(help),
          .labels = std::move(labels),
          .value = value,
          .bounds = {},
          .counts = {}};
}

std::vector<telemetry::Sample> samples_of(const std::vector<fleet::Snapshot>& snapshots) {
  std::vector<telemetry::Sample> samples;
  for (const fleet::Snapshot& snapshot : snapshots) {
    // The id is fresh per process; its first digits tell the workers of a host apart.
    const std::string worker = snapshot.host + "/" + snapshot.worker_id.substr(0, 8);
    for (const fleet::Sample& sample : snapshot.metrics) {
      telemetry::Sample copy{sample.name,  sample.kind,   sample.help,  sample.labels,
                             sample.value, sample.bounds, sample.counts};
      copy.labels["worker"] = worker;
      samples.push_back(std::move(copy));
    }
    samples.push_back(gauge("medsynth_worker_tasks", "Messages in a worker's hands", {{"worker", worker}},
                            static_cast<double>(snapshot.tasks.size())));
  }
  for (const HostUsage& host : hosts_of(snapshots)) {
    const std::map<std::string, std::string> labels{{"host", host.host}};
    samples.push_back(gauge("medsynth_slots_in_use", "Task slots taken on a machine", labels,
                            static_cast<double>(host.concurrent_tasks)));
    samples.push_back(gauge("medsynth_slots", "Task slots of a machine", labels,
                            static_cast<double>(host.max_concurrent_tasks)));
    const auto use = [&](const char* name, const char* help, std::optional<double> percent) {
      if (percent) samples.push_back(gauge(name, help, labels, *percent / 100));
    };
    use("medsynth_cpu_usage_ratio", "CPU use of a machine; absent while it is unknown", host.cpu_percent);
    use("medsynth_memory_usage_ratio", "Memory use of a machine; absent while it is unknown",
        host.memory_percent);
    use("medsynth_gpu_usage_ratio", "Use of a machine's busiest GPU; absent while it is unknown",
        host.gpu_percent);
  }
  samples.push_back(
      gauge("medsynth_workers", "Workers that are alive", {}, static_cast<double>(snapshots.size())));
  return samples;
}

}  // namespace medsynth::api
