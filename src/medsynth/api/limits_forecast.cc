#include "medsynth/api/limits_forecast.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <tuple>

#include "medsynth/api/fleet_view.h"
#include "medsynth/base/stored.h"
#include "medsynth/limits/sensors.h"

namespace medsynth::api {
namespace {

constexpr double kOff = 100;
constexpr std::size_t kMaxNames = 20;

// A machine with those that wait there, in the order in which they came.
struct Machine {
  HostUsage usage;
  double memory_bytes = 0;      // 0: unknown
  double gpu_memory_bytes = 0;  // the same
  std::set<std::string> queues;
  std::vector<const fleet::TaskReport*> waiting;
};

struct Starts {
  std::vector<std::string> tasks;
  std::int64_t unfetched = 0;
};

bool is_open(std::optional<double> percent, double limit) {
  return limit >= kOff || !percent || *percent <= limit;
}

// What is left of something below a limit, in percent. `have` was left below the limit that holds now, `total` is
// what 100 % are.
double left_below(double limit, double limit_now, std::optional<double> percent, std::optional<double> have,
                  double total) {
  if (limit >= kOff) return std::numeric_limits<double>::infinity();
  double used = percent.value_or(0);
  if (have && total > 0) used = std::max(used, limit_now - *have / total * 100);
  return limit - used;
}

class Room {
 public:
  Room(const Machine& machine, const limits::Limits& limits)
      : machine_(machine),
        limits_(limits),
        slots_(limits.max_concurrent_tasks - machine.usage.concurrent_tasks) {}

  bool is_open() const {
    const limits::Usage& usage = machine_.usage;
    return slots_ > 0 && api::is_open(usage.cpu_percent, limits_.max_cpu_percent) &&
           api::is_open(usage.memory_percent, limits_.max_memory_percent) &&
           api::is_open(usage.gpu_percent, limits_.max_gpu_percent);
  }
  std::int64_t slots() const { return std::max<std::int64_t>(0, slots_); }

  bool take(const fleet::TaskReport& task) {
    if (!is_open() || task.reason == "model_lock" || task.reason == "redis") return false;
    const limits::Usage& usage = machine_.usage;
    double left = std::numeric_limits<double>::infinity(), total = 0;
    double* taken = nullptr;
    if (task.reason == "cpu") {
      total = kOff;
      left = left_below(limits_.max_cpu_percent, usage.max_cpu_percent, usage.cpu_percent, task.have, total);
      taken = &cpu_;
    } else if (task.reason == "memory") {
      total = machine_.memory_bytes;
      left = left_below(limits_.max_memory_percent, usage.max_memory_percent, usage.memory_percent, task.have,
                        total);
      taken = &memory_;
    } else if (task.reason == "gpu_memory") {
      total = machine_.gpu_memory_bytes;
      left = left_below(limits_.max_gpu_percent, usage.max_gpu_percent, std::nullopt, task.have, total);
      taken = &gpu_;
    }
    const double need = total > 0 ? task.need.value_or(0) / total * 100 : 0;
    if (taken && *taken + need > left) return false;
    if (taken) *taken += need;
    --slots_;
    return true;
  }

 private:
  const Machine& machine_;
  const limits::Limits limits_;
  std::int64_t slots_;
  double cpu_ = 0, memory_ = 0, gpu_ = 0;  // percent that those that start take
};

Starts starts_on(const Machine& machine, const limits::Limits& limits, std::int64_t ready) {
  Room room(machine, limits);
  Starts starts;
  for (const fleet::TaskReport* task : machine.waiting)
    if (room.take(*task)) starts.tasks.push_back(task->task_id);
  // Those behind them come to the front only when all of these have started.
  if (starts.tasks.size() == machine.waiting.size() && room.is_open())
    starts.unfetched = std::min(room.slots(), ready);
  return starts;
}

limits::Limits limits_of(const limits::Usage& usage) {
  return {usage.max_cpu_percent, usage.max_memory_percent, usage.max_gpu_percent, usage.max_concurrent_tasks};
}

limits::Limits changed(limits::Limits limits, const LimitsChange& change) {
  if (change.max_cpu_percent) limits.max_cpu_percent = *change.max_cpu_percent;
  if (change.max_memory_percent) limits.max_memory_percent = *change.max_memory_percent;
  if (change.max_gpu_percent) limits.max_gpu_percent = *change.max_gpu_percent;
  if (change.max_concurrent_tasks) limits.max_concurrent_tasks = *change.max_concurrent_tasks;
  return limits;
}

std::vector<Machine> machines_of(const fleet::Roll& roll) {
  std::vector<Machine> machines;
  for (HostUsage& usage : hosts_of(roll.alive)) machines.push_back({.usage = std::move(usage)});
  for (const fleet::Snapshot& worker : roll.alive) {
    const auto machine =
        std::ranges::find_if(machines, [&](const Machine& each) { return each.usage.host == worker.host; });
    if (machine == machines.end() || worker.draining) continue;
    std::vector<Fault> passed_over;
    const auto system = described::from_stored<limits::SystemInfo>(worker.system, passed_over);
    machine->memory_bytes = static_cast<double>(system.memory.total.value_or(0));
    machine->gpu_memory_bytes = static_cast<double>(system.gpu.memory_total.value_or(0));
    machine->queues.insert(worker.queues.begin(), worker.queues.end());
    for (const fleet::TaskReport& task : worker.tasks)
      if (task.state == "waiting") machine->waiting.push_back(&task);
  }
  for (Machine& machine : machines)
    std::ranges::sort(machine.waiting, {}, [](const fleet::TaskReport* task) {
      return std::tie(task->since, task->place, task->task_id);
    });
  return machines;
}

}  // namespace

LimitsForecast forecast_limits(const WaitingFacts& facts, const std::map<std::string, std::int64_t>& ready,
                               const LimitsChange& change) {
  LimitsForecast forecast;
  auto left = ready;
  for (const Machine& machine : machines_of(facts.roll)) {
    std::int64_t unfetched = 0;
    for (const std::string& queue : machine.queues)
      if (const auto found = left.find(queue); found != left.end() && !facts.paused.contains(queue)) {
        unfetched += found->second;
        found->second = 0;
      }
    const limits::Limits now = limits_of(machine.usage);
    const Starts anyway = starts_on(machine, now, unfetched);
    Starts then = starts_on(machine, changed(now, change), unfetched);
    std::erase_if(then.tasks, [&](const std::string& id) {
      return std::ranges::find(anyway.tasks, id) != anyway.tasks.end();
    });
    forecast.would_start += static_cast<std::int64_t>(then.tasks.size()) +
                            std::max<std::int64_t>(0, then.unfetched - anyway.unfetched);
    for (std::string& id : then.tasks)
      if (forecast.tasks.size() < kMaxNames) forecast.tasks.push_back(std::move(id));
  }
  return forecast;
}

}  // namespace medsynth::api
