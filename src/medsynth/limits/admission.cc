#include "medsynth/limits/admission.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/base/described.h"

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

bool runs_a_task(const Snapshot& snapshot) {
  return std::any_of(snapshot.running.begin(), snapshot.running.end(),
                     [](const Holding& each) { return each.slot; });
}

double sum_shares(const Snapshot& snapshot, std::int32_t pid) {
  double sum = 0;
  for (const Holding& each : snapshot.running)
    if (each.pid == pid) sum += each.cpu_share_percent;
  return sum;
}

bool is_running(const Snapshot& snapshot, std::int32_t pid) {
  return std::any_of(snapshot.running.begin(), snapshot.running.end(),
                     [&](const Holding& each) { return each.slot && each.pid == pid; });
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

// The part of a process's reservations that is not yet seen in its anonymous memory.
double unseen_part(const Snapshot& snapshot, std::int32_t pid) {
  double reserved = 0;
  std::uint64_t base = UINT64_MAX;
  for (const Holding& each : snapshot.running) {
    if (each.pid != pid || each.memory_bytes == 0) continue;
    reserved += static_cast<double>(each.memory_bytes);
    base = std::min(base, each.memory_base);
  }
  for (const ProcessUse& use : snapshot.processes)
    if (use.pid == pid && use.anonymous_bytes > base)
      return std::max(0.0, 1 - static_cast<double>(use.anonymous_bytes - base) / reserved);
  return 1;
}

double gpu_used(const Sample& sample) {
  const std::uint64_t total = sample.gpu_memory_total.value_or(0);
  return total > sample.gpu_memory_free ? static_cast<double>(total - sample.gpu_memory_free) : 0;
}

// The driver does not tell whose GPU memory it is inside containers, so growth is seen for the machine as a
// whole.
double unseen_gpu_part(const Snapshot& snapshot) {
  double reserved = 0, base = gpu_used(snapshot.sample);
  for (const Holding& each : snapshot.running) {
    if (each.gpu_bytes == 0) continue;
    reserved += static_cast<double>(each.gpu_bytes);
    base = std::min(base, static_cast<double>(each.gpu_base));
  }
  return reserved > 0 ? std::max(0.0, 1 - (gpu_used(snapshot.sample) - base) / reserved) : 0;
}

bool closed(bool was_closed, bool ours_run, double load, double limit) {
  if (limit >= kOff) return false;
  return load > (was_closed && ours_run ? reopens_at(limit) : limit);
}

std::string mib(double bytes) {
  return fmt::format("{:.0f} MiB", bytes / kMiB);
}

// Room for so much beside what is in use; `total` 0 is unknown, then only the gate counts.
bool has_bytes(double in_use, double need, double total, double limit) {
  return limit >= kOff || total <= 0 || percent_of(in_use + need, total) <= limit;
}

std::string explain_bytes(double load_bytes, double need, double limit, double total) {
  return fmt::format("{} in use or reserved and {} for this task are above {:g} % of {}", mib(load_bytes),
                     mib(need), limit, mib(total));
}

std::string explain_never(const Snapshot& snapshot, const Demand& demand, Cause cause) {
  const Sample& sample = snapshot.sample;
  const Limits& limits = snapshot.limits;
  if (cause == Cause::memory)
    return fmt::format("it needs {}, and {:g} % of this machine's {} is all that may be used",
                       mib(static_cast<double>(demand.memory_bytes)), limits.max_memory_percent,
                       mib(static_cast<double>(sample.memory_limit)));
  return fmt::format(
      "it needs {} of GPU memory, and {} is all that may be used here",
      mib(static_cast<double>(demand.gpu_bytes)),
      mib(static_cast<double>(sample.gpu_memory_total.value_or(0)) * limits.max_gpu_percent / 100));
}

std::string explain_cpu(const Snapshot& snapshot, const Demand& demand, const Load& load) {
  const double limit = snapshot.limits.max_cpu_percent;
  const double now = load.foreign_cpu_percent + load.reserved_cpu_percent;
  if (!snapshot.sample.cpu_percent)
    return "CPU use is unknown, as the system does not tell it: tasks run one at a time";
  if (snapshot.gates.cpu_closed) return fmt::format("CPU load is {:.0f} %, the limit is {:g} %", now, limit);
  if (demand.cpu_share_percent == 0) return "CPU: the load of a task that has just started is not known yet";
  return fmt::format(
      "CPU: {:.0f} % by others, {:.0f} % reserved and {:.0f} % for this task are above the limit of {:g} %",
      load.foreign_cpu_percent, load.reserved_cpu_percent, demand.cpu_share_percent, limit);
}

std::string explain_memory(const Snapshot& snapshot, const Demand& demand, const Load& load) {
  const double limit = snapshot.limits.max_memory_percent;
  if (!snapshot.sample.memory_percent)
    return "memory use is unknown, as the system does not tell it: what needs memory starts only alone";
  if (snapshot.gates.memory_closed)
    return fmt::format("memory use is {:.0f} %, the limit is {:g} %", load.memory_percent, limit);
  return explain_bytes(load.memory_bytes, static_cast<double>(demand.memory_bytes), limit,
                       static_cast<double>(snapshot.sample.memory_limit));
}

std::string explain_gpu_memory(const Snapshot& snapshot, const Demand& demand, const Load& load) {
  const double limit = snapshot.limits.max_gpu_percent;
  if (!snapshot.sample.gpu_memory_total)
    return "the GPU's memory is unknown, as its driver does not tell it (see nvidia-smi)";
  return explain_bytes(load.gpu_bytes, static_cast<double>(demand.gpu_bytes), limit,
                       static_cast<double>(*snapshot.sample.gpu_memory_total));
}

}  // namespace

Amounts& Amounts::operator+=(const Amounts& other) {
  slots += other.slots;
  users += other.users;
  cpu += other.cpu;
  memory += other.memory;
  gpu += other.gpu;
  unseen = unseen || other.unseen;
  return *this;
}

Amounts Room::amounts_of(const Demand& demand) {
  return {.slots = demand.slot ? 1 : 0,
          .cpu = demand.slot ? demand.cpu_share_percent : 0,
          .memory = demand.slot ? static_cast<double>(demand.memory_bytes) : 0,
          .gpu = demand.slot ? static_cast<double>(demand.gpu_bytes) : 0,
          .unseen = demand.slot && demand.cpu_share_percent == 0};
}

Room::Room(const Snapshot& snapshot)
    : foreign_cpu_(std::max(0.0, snapshot.sample.cpu_percent.value_or(0) - measured_as_ours(snapshot))),
      memory_used_(static_cast<double>(snapshot.sample.memory_used)),
      memory_total_(static_cast<double>(snapshot.sample.memory_limit)),
      gpu_used_(gpu_used(snapshot.sample)),
      gpu_total_(static_cast<double>(snapshot.sample.gpu_memory_total.value_or(0))),
      cpu_unknown_(!snapshot.sample.cpu_percent),
      memory_unknown_(!snapshot.sample.memory_percent),
      gpu_unknown_(!snapshot.sample.gpu_memory_total),
      gates_(snapshot.gates) {
  taken_.reserve(snapshot.running.size() + 8);
  const double gpu_part = unseen_gpu_part(snapshot);
  for (const Holding& each : snapshot.running) {
    const double part = each.memory_bytes > 0 ? unseen_part(snapshot, each.pid) : 0;
    taken_.push_back({{.slots = each.slot ? 1 : 0,
                       .cpu = each.cpu_share_percent,
                       .memory = part * static_cast<double>(each.memory_bytes),
                       .gpu = gpu_part * static_cast<double>(each.gpu_bytes),
                       .unseen = each.unseen},
                      each.model,
                      each.task});
  }
  merge();
}

// What ends together counts as one.
void Room::merge() {
  for (std::size_t index = 0; index < taken_.size(); ++index) {
    Taken& one = taken_[index];
    for (std::size_t other = index + 1; one.task != 0 && other < taken_.size(); ++other) {
      if (taken_[other].task != one.task) continue;
      one.amounts += taken_[other].amounts;
      one.model |= taken_[other].model;
      taken_.erase(taken_.begin() + static_cast<std::ptrdiff_t>(other));
      break;
    }
  }
}

Amounts Room::taken(std::size_t index, std::uint64_t model) const {
  Amounts amounts = taken_[index].amounts;
  amounts.users = model != 0 && taken_[index].model == model ? 1 : 0;
  return amounts;
}

Amounts Room::taken(std::uint64_t model) const {
  Amounts sum;
  for (std::size_t index = 0; index < taken_.size(); ++index) sum += taken(index, model);
  return sum;
}

// Of a load that is unknown, one task at a time is no more than somebody must risk to get on.
bool Room::starts_alone(const Limits& limits, const Demand& demand) const {
  return (cpu_unknown_ && limits.max_cpu_percent < kOff) ||
         (memory_unknown_ && limits.max_memory_percent < kOff && demand.memory_bytes > 0);
}

Cause Room::lacking(const Limits& limits, const Demand& demand, const Amounts& held) const {
  if (demand.slot && held.slots >= limits.max_concurrent_tasks) return Cause::slots;
  if (demand.model != 0 && held.users >= demand.model_parallel) return Cause::model_lock;
  if (!demand.gates) return Cause::none;
  if (held.slots > 0 && starts_alone(limits, demand))
    return cpu_unknown_ && limits.max_cpu_percent < kOff ? Cause::cpu : Cause::memory;
  const double limit = limits.max_cpu_percent, share = demand.cpu_share_percent;
  const bool alone = held.slots == 0 && share + kMargin > limit;
  if (gates_.cpu_closed || (limit < kOff && !alone && foreign_cpu_ + held.cpu + share > limit))
    return Cause::cpu;
  if (gates_.memory_closed || !has_bytes(memory_used_ + held.memory, static_cast<double>(demand.memory_bytes),
                                         memory_total_, limits.max_memory_percent))
    return Cause::memory;
  if (gates_.gpu_closed) return Cause::gpu;
  if (demand.gpu_bytes > 0 && ((gpu_unknown_ && limits.max_gpu_percent < kOff) ||
                               !has_bytes(gpu_used_ + held.gpu, static_cast<double>(demand.gpu_bytes),
                                          gpu_total_, limits.max_gpu_percent)))
    return Cause::gpu_memory;
  if (limit < kOff && share == 0 && held.unseen) return Cause::cpu;
  return Cause::none;
}

bool Room::holds_both(const Limits& limits, const Demand& first, const Demand& later,
                      const Amounts& held) const {
  const Amounts takes = amounts_of(later);
  if (takes.slots > 0 && first.slot && held.slots + 1 >= limits.max_concurrent_tasks) return false;
  if (later.model != 0 && later.model == first.model && held.users + 1 >= first.model_parallel) return false;
  if (!first.gates) return true;
  if (takes.slots > 0 && starts_alone(limits, first)) return false;
  const bool knows = takes.cpu == 0 || limits.max_cpu_percent >= kOff ||
                     foreign_cpu_ + held.cpu + takes.cpu + first.cpu_share_percent <= limits.max_cpu_percent;
  const bool seen = !takes.unseen || first.cpu_share_percent > 0 || limits.max_cpu_percent >= kOff;
  // One that starts only alone gets no company.
  const bool alone = first.cpu_share_percent + kMargin > limits.max_cpu_percent;
  return knows && seen && !(alone && takes.slots > 0 && limits.max_cpu_percent < kOff) &&
         (takes.memory == 0 ||
          has_bytes(memory_used_ + held.memory + takes.memory, static_cast<double>(first.memory_bytes),
                    memory_total_, limits.max_memory_percent)) &&
         (takes.gpu == 0 || first.gpu_bytes == 0 ||
          has_bytes(gpu_used_ + held.gpu + takes.gpu, static_cast<double>(first.gpu_bytes), gpu_total_,
                    limits.max_gpu_percent));
}

Load load_of(const Snapshot& snapshot) {
  const Room room(snapshot);
  const Amounts held = room.taken(0);
  const Sample& sample = snapshot.sample;
  const bool gpu_is_ours = std::any_of(snapshot.running.begin(), snapshot.running.end(),
                                       [](const Holding& each) { return each.gpu_bytes > 0; });
  Load load{.foreign_cpu_percent = room.foreign_cpu_, .reserved_cpu_percent = held.cpu};
  load.memory_bytes = room.memory_used_ + held.memory;
  load.memory_percent = sample.memory_limit > 0
                            ? percent_of(load.memory_bytes, static_cast<double>(sample.memory_limit))
                            : sample.memory_percent.value_or(0);
  load.gpu_percent = gpu_is_ours ? 0 : sample.gpu_percent.value_or(0);
  load.gpu_bytes = room.gpu_used_ + held.gpu;
  load.gpu_memory_percent =
      percent_of(load.gpu_bytes, static_cast<double>(sample.gpu_memory_total.value_or(0)));
  return load;
}

Gates next_gates(const Snapshot& snapshot) {
  const Load load = load_of(snapshot);
  const Limits& limits = snapshot.limits;
  const bool ours_run = runs_a_task(snapshot);
  return {
      .cpu_closed = closed(snapshot.gates.cpu_closed, ours_run,
                           load.foreign_cpu_percent + load.reserved_cpu_percent, limits.max_cpu_percent),
      .memory_closed =
          closed(snapshot.gates.memory_closed, ours_run, load.memory_percent, limits.max_memory_percent),
      .gpu_closed = closed(snapshot.gates.gpu_closed, ours_run, load.gpu_percent, limits.max_gpu_percent)};
}

Verdict never_fits(const Sample& sample, const Limits& limits, const Demand& demand) {
  if (sample.memory_limit > 0 &&
      !has_bytes(0, static_cast<double>(demand.memory_bytes), static_cast<double>(sample.memory_limit),
                 limits.max_memory_percent))
    return {.cause = Cause::memory, .never = true};
  const double gpu_allowed =
      static_cast<double>(sample.gpu_memory_total.value_or(0)) * limits.max_gpu_percent / 100;
  if (sample.gpu_memory_total && limits.max_gpu_percent < kOff && demand.gpu_bytes > 0 &&
      static_cast<double>(demand.gpu_bytes) > gpu_allowed)
    return {.cause = Cause::gpu_memory, .never = true};
  return {};
}

Verdict decide(const Snapshot& snapshot, const Demand& demand) {
  if (demand.gates)
    if (const Verdict never = never_fits(snapshot.sample, snapshot.limits, demand); never.never) return never;
  const Room room(snapshot);
  return {.cause = room.lacking(snapshot.limits, demand, room.taken(demand.model))};
}

Wait explain(const Snapshot& snapshot, const Demand& demand, Verdict verdict, const Needs& needs) {
  Wait wait{.reason = std::string(described::enum_name(verdict.cause)), .detail = ""};
  const Load load = load_of(snapshot);
  const Limits& limits = snapshot.limits;
  const auto says = [&](std::string detail, double have, double need) {
    wait.detail = std::move(detail);
    wait.have = std::max(0.0, have);
    if (need > 0) wait.need = need;
  };
  const auto bytes_left = [](double limit, double total, double in_use) {
    return limit / 100 * total - in_use;
  };
  switch (verdict.cause) {
    case Cause::slots: {
      const auto taken = std::count_if(snapshot.running.begin(), snapshot.running.end(),
                                       [](const Holding& each) { return each.slot; });
      says(fmt::format("{} of {} slots are taken", taken, limits.max_concurrent_tasks),
           static_cast<double>(limits.max_concurrent_tasks - taken), 1);
      break;
    }
    case Cause::model_lock: {
      const auto users = std::count_if(snapshot.running.begin(), snapshot.running.end(),
                                       [&](const Holding& each) { return each.model == demand.model; });
      says(fmt::format("model '{}' is in use ({} of {})", needs.model, users, demand.model_parallel),
           static_cast<double>(demand.model_parallel - users), 1);
      break;
    }
    case Cause::cpu:
      says(explain_cpu(snapshot, demand, load),
           limits.max_cpu_percent - load.foreign_cpu_percent - load.reserved_cpu_percent,
           demand.cpu_share_percent);
      if (!snapshot.sample.cpu_percent) wait.have.reset();
      break;
    case Cause::memory: {
      const auto total = static_cast<double>(snapshot.sample.memory_limit);
      says(explain_memory(snapshot, demand, load),
           bytes_left(limits.max_memory_percent, total, load.memory_bytes),
           static_cast<double>(demand.memory_bytes));
      if (!snapshot.sample.memory_percent || total <= 0) wait.have.reset();
      break;
    }
    case Cause::gpu:
      says(fmt::format("GPU use by others is {:.0f} %, the limit is {:g} %", load.gpu_percent,
                       limits.max_gpu_percent),
           limits.max_gpu_percent - load.gpu_percent, 0);
      break;
    case Cause::gpu_memory: {
      const auto total = static_cast<double>(snapshot.sample.gpu_memory_total.value_or(0));
      says(explain_gpu_memory(snapshot, demand, load),
           bytes_left(limits.max_gpu_percent, total, load.gpu_bytes), static_cast<double>(demand.gpu_bytes));
      if (total <= 0) wait.have.reset();
      break;
    }
    case Cause::none:
      break;
  }
  if (verdict.kept) wait.detail = "there is room, and it is kept for a task that came first";
  if (verdict.never) wait.detail = explain_never(snapshot, demand, verdict.cause);
  return wait;
}

}  // namespace medsynth::limits
