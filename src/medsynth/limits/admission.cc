#include "medsynth/limits/admission.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

namespace medsynth::limits {
namespace {

// How far below its limit a closed gate opens again. Also what is left to others beside a lone task: a
// machine is never at 0 %, so a share this close to the limit would otherwise wait for ever.
constexpr double kMargin = 5;
constexpr double kOff = 100;
constexpr double kMiB = 1024.0 * 1024.0;

double reopens_at(double limit) {
  return limit - std::min(kMargin, limit / 4);
}

double percent_of(double part, double whole) {
  return whole > 0 ? part / whole * 100 : 0;
}

double sum_shares(const Snapshot& snapshot, std::int32_t pid) {
  double sum = 0;
  for (const Reservation& each : snapshot.running)
    if (each.pid == pid) sum += each.cpu_share_percent;
  return sum;
}

bool is_running(const Snapshot& snapshot, std::int32_t pid) {
  return std::any_of(snapshot.running.begin(), snapshot.running.end(),
                     [&](const auto& each) { return each.pid == pid; });
}

// Measured CPU use that the shares reserved stand for. Our own process counts when it runs nothing: what was
// measured then is a task that has just ended.
double measured_as_ours(const Snapshot& snapshot) {
  double ours = 0;
  if (sum_shares(snapshot, snapshot.self) > 0 || !is_running(snapshot, snapshot.self))
    ours += snapshot.sample.own_cpu_percent;
  for (const ProcessUse& process : snapshot.processes)
    if (process.pid != snapshot.self && sum_shares(snapshot, process.pid) > 0) ours += process.cpu_percent;
  return ours;
}

// Memory that running tasks have reserved and that is not yet seen in their processes.
double pending_memory(const Snapshot& snapshot) {
  struct Process {
    double reserved = 0;
    std::uint64_t base = UINT64_MAX;
  };
  std::map<std::int32_t, Process> processes;
  for (const Reservation& each : snapshot.running) {
    if (each.memory_bytes == 0) continue;
    Process& process = processes[each.pid];
    process.reserved += static_cast<double>(each.memory_bytes);
    process.base = std::min(process.base, each.memory_base);
  }
  double pending = 0;
  for (const auto& [pid, process] : processes) {
    const auto use = std::find_if(snapshot.processes.begin(), snapshot.processes.end(),
                                  [&](const auto& each) { return each.pid == pid; });
    const double grown = use == snapshot.processes.end() || use->anonymous_bytes < process.base
                             ? 0
                             : static_cast<double>(use->anonymous_bytes - process.base);
    pending += std::max(0.0, process.reserved - grown);
  }
  return pending;
}

double gpu_used(const Sample& sample) {
  return sample.gpu_memory_total > sample.gpu_memory_free
             ? static_cast<double>(sample.gpu_memory_total - sample.gpu_memory_free)
             : 0;
}

// The driver does not tell whose GPU memory it is inside containers, so growth is seen for the machine as a
// whole.
double pending_gpu(const Snapshot& snapshot) {
  double reserved = 0, base = gpu_used(snapshot.sample);
  for (const Reservation& each : snapshot.running) {
    if (each.gpu_bytes == 0) continue;
    reserved += static_cast<double>(each.gpu_bytes);
    base = std::min(base, static_cast<double>(each.gpu_base));
  }
  return std::max(0.0, reserved - (gpu_used(snapshot.sample) - base));
}

bool closed(bool was_closed, bool ours_run, double load, double limit) {
  if (limit >= kOff) return false;
  return load > (was_closed && ours_run ? reopens_at(limit) : limit);
}

std::string mib(double bytes) {
  return fmt::format("{:.0f} MiB", bytes / kMiB);
}

std::optional<Wait> cpu_refuses(const Snapshot& snapshot, const Load& load, const Needs& needs) {
  const double limit = snapshot.limits.max_cpu_percent;
  if (limit >= kOff) return std::nullopt;
  const double now = load.foreign_cpu_percent + load.reserved_cpu_percent;
  if (snapshot.gates.cpu_closed)
    return Wait{"cpu", fmt::format("CPU load is {:.0f} %, the limit is {:g} %", now, limit)};
  const bool alone = snapshot.running.empty() && needs.cpu_share_percent + kMargin > limit;
  if (alone || now + needs.cpu_share_percent <= limit) return std::nullopt;
  return Wait{"cpu", fmt::format("CPU: {:.0f} % by others, {:.0f} % reserved and {:.0f} % for this task are "
                                 "above the limit of {:g} %",
                                 load.foreign_cpu_percent, load.reserved_cpu_percent, needs.cpu_share_percent,
                                 limit)};
}

// One rule for both kinds of memory; `total` 0 is unknown, then only the measured percentage counts.
std::optional<Wait> memory_refuses(std::string reason, bool gate_closed, double load_percent,
                                   double load_bytes, double need, double total, double limit) {
  if (limit >= kOff) return std::nullopt;
  if (gate_closed)
    return Wait{reason, fmt::format("{} use is {:.0f} %, the limit is {:g} %",
                                    reason == "gpu" ? "GPU memory" : "memory", load_percent, limit)};
  if (total <= 0 || percent_of(load_bytes + need, total) <= limit) return std::nullopt;
  return Wait{reason, fmt::format("{} in use or reserved and {} for this task are above {:g} % of {}",
                                  mib(load_bytes), mib(need), limit, mib(total))};
}

std::optional<Wait> gates_refuse(const Snapshot& snapshot, const Needs& needs) {
  const Load load = load_of(snapshot);
  if (auto wait = cpu_refuses(snapshot, load, needs)) return wait;
  const Sample& sample = snapshot.sample;
  const Limits& limits = snapshot.limits;
  if (auto wait = memory_refuses("memory", snapshot.gates.memory_closed, load.memory_percent,
                                 load.memory_bytes, static_cast<double>(needs.memory_bytes),
                                 static_cast<double>(sample.memory_limit), limits.max_memory_percent))
    return wait;
  if (snapshot.gates.gpu_closed)
    return Wait{"gpu", fmt::format("GPU use by others is {:.0f} %, the limit is {:g} %", load.gpu_percent,
                                   limits.max_gpu_percent)};
  if (needs.gpu_bytes == 0) return std::nullopt;
  return memory_refuses("gpu", false, load.gpu_memory_percent, load.gpu_bytes,
                        static_cast<double>(needs.gpu_bytes), static_cast<double>(sample.gpu_memory_total),
                        limits.max_gpu_percent);
}

}  // namespace

Load load_of(const Snapshot& snapshot) {
  Load load;
  const Sample& sample = snapshot.sample;
  load.foreign_cpu_percent = std::max(0.0, sample.cpu_percent - measured_as_ours(snapshot));
  bool gpu_is_ours = false;
  for (const Reservation& each : snapshot.running) {
    load.reserved_cpu_percent += each.cpu_share_percent;
    gpu_is_ours = gpu_is_ours || each.gpu_bytes > 0;
  }
  load.memory_bytes = static_cast<double>(sample.memory_used) + pending_memory(snapshot);
  load.memory_percent = sample.memory_limit > 0
                            ? percent_of(load.memory_bytes, static_cast<double>(sample.memory_limit))
                            : sample.memory_percent;
  load.gpu_percent = gpu_is_ours ? 0 : sample.gpu_percent;
  load.gpu_bytes = gpu_used(sample) + pending_gpu(snapshot);
  load.gpu_memory_percent = percent_of(load.gpu_bytes, static_cast<double>(sample.gpu_memory_total));
  return load;
}

Gates next_gates(const Snapshot& snapshot) {
  const Load load = load_of(snapshot);
  const Limits& limits = snapshot.limits;
  const bool ours_run = !snapshot.running.empty();
  return {
      .cpu_closed = closed(snapshot.gates.cpu_closed, ours_run,
                           load.foreign_cpu_percent + load.reserved_cpu_percent, limits.max_cpu_percent),
      .memory_closed =
          closed(snapshot.gates.memory_closed, ours_run, load.memory_percent, limits.max_memory_percent),
      .gpu_closed = closed(snapshot.gates.gpu_closed, ours_run, load.gpu_percent, limits.max_gpu_percent)};
}

std::optional<Never> never_fits(const Sample& sample, const Limits& limits, const Needs& needs) {
  const double memory_allowed = static_cast<double>(sample.memory_limit) * limits.max_memory_percent / 100;
  if (limits.max_memory_percent < kOff && sample.memory_limit > 0 &&
      static_cast<double>(needs.memory_bytes) > memory_allowed)
    return Never{"memory",
                 fmt::format("it needs {}, and {:g} % of this machine's {} is all that may be used",
                             mib(needs.memory_bytes), limits.max_memory_percent, mib(sample.memory_limit))};
  if (limits.max_gpu_percent >= kOff || needs.gpu_bytes == 0) return std::nullopt;
  const double gpu_allowed = static_cast<double>(sample.gpu_memory_total) * limits.max_gpu_percent / 100;
  if (static_cast<double>(needs.gpu_bytes) > gpu_allowed)
    return Never{"gpu", fmt::format("it needs {} of GPU memory, and {} is all that may be used here",
                                    mib(needs.gpu_bytes), mib(gpu_allowed))};
  return std::nullopt;
}

Decision decide(const Snapshot& snapshot, const Needs& needs, const Ask& ask) {
  if (ask.gates)
    if (auto refused = never_fits(snapshot.sample, snapshot.limits, needs)) return *refused;
  const auto taken = static_cast<std::int64_t>(snapshot.running.size());
  const std::int64_t slots = snapshot.limits.max_concurrent_tasks;
  if (ask.slot && taken >= slots) return Wait{"slots", fmt::format("{} of {} slots are taken", taken, slots)};
  if (ask.model && !needs.model.empty() && snapshot.model_users >= needs.model_parallel)
    return Wait{"model_lock", fmt::format("model '{}' is in use ({} of {})", needs.model,
                                          snapshot.model_users, needs.model_parallel)};
  if (ask.gates)
    if (auto refused = gates_refuse(snapshot, needs)) return *refused;
  return Admit{};
}

}  // namespace medsynth::limits
