#include "medsynth/limits/probes/cpu_probe.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <ctime>
#include <utility>

namespace medsynth::limits {
namespace {

constexpr std::chrono::milliseconds kStandstill{500};

struct Ticks {
  std::uint64_t busy = 0;
  std::uint64_t total = 0;
  int cpus = 0;
};

// "cpu0 user nice system idle iowait irq softirq steal guest guest_nice"; guest is part of user. Stolen time
// is time that we could not have: busy.
void add_line(std::string_view numbers, Ticks& ticks) {
  for (int field = 0; field < 8; ++field) {
    const auto number = number_at(numbers);
    if (!number) break;
    ticks.total += *number;
    if (field != 3 && field != 4) ticks.busy += *number;
    numbers.remove_prefix(std::min(numbers.size(), numbers.find_first_not_of(' ')));
    numbers.remove_prefix(std::min(numbers.size(), numbers.find(' ')));
  }
  ++ticks.cpus;
}

// Of the allowed CPUs; of all, when the file does not list those (some containers renumber it).
Ticks ticks_of(std::string_view stat, const CpuSet& allowed) {
  Ticks all, ours;
  while (!stat.empty()) {
    std::string_view line = next_line(stat);
    if (!line.starts_with("cpu")) break;
    line.remove_prefix(3);
    if (line.starts_with(' ')) {
      add_line(line, all);
      continue;
    }
    const auto cpu = number_at(line);
    const std::size_t space = line.find(' ');
    if (cpu && *cpu < allowed.size() && allowed[*cpu] && space != std::string_view::npos)
      add_line(line.substr(space), ours);
  }
  return ours.cpus > 0 ? ours : all;
}

}  // namespace

CpuSet parse_cpu_list(std::string_view text) {
  CpuSet set;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t dash = part.find('-');
    const auto first = number_at(part);
    const auto last = dash == std::string_view::npos ? first : number_at(part.substr(dash + 1));
    for (auto cpu = first; cpu && last && *cpu <= *last && *cpu < set.size(); ++*cpu) set.set(*cpu);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return set;
}

std::optional<std::uint64_t> process_ticks(std::string_view stat) {
  // The name in parentheses may hold anything; fields 14 and 15 are the 12th and 13th after it.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::string_view rest = stat.substr(name_end + 1);
  for (int field = 0; field < 11; ++field) {
    const std::size_t space = rest.find(' ', 1);
    if (space == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(space);
  }
  const auto user = number_at(rest);
  const std::size_t space = rest.find(' ', 1);
  const auto system = space == std::string_view::npos ? std::nullopt : number_at(rest.substr(space));
  if (!user || !system) return std::nullopt;
  return *user + *system;
}

std::optional<std::uint64_t> CpuProbe::Counter::growth(std::optional<std::uint64_t> now) {
  const auto then = std::exchange(before, now);
  if (!then || !now || *now < *then) return std::nullopt;
  return *now - *then;
}

CpuProbe::CpuProbe(const std::filesystem::path& root, const CgroupLayout& layout, std::span<char> buffer)
    : buffer_(buffer),
      self_(root == "/" ? static_cast<std::int32_t>(::getpid()) : 0),
      status_(root / "proc/self/status"),
      stat_(root / "proc/stat"),
      own_stat_(root / "proc/self/stat"),
      ticks_per_second_(static_cast<double>(::sysconf(_SC_CLK_TCK))) {
  const auto file = [&](const std::string& folder, const char* name) {
    return TextFile(root / std::filesystem::path(folder + "/" + name).relative_path());
  };
  const auto& folders = layout.cpu.folders;
  for (std::size_t level = 0; level < folders.size(); ++level) {
    Group group{.v2 = layout.cpu.v2};
    if (group.v2) {
      group.quota = file(folders[level], "cpu.max");
      group.usage = file(folders[level], "cpu.stat");
    } else {
      group.quota = file(folders[level], "cpu.cfs_quota_us");
      group.period = file(folders[level], "cpu.cfs_period_us");
      // Mounted apart the two hierarchies may differ in depth: only groups of the same path are the same.
      if (layout.cpu.levels == layout.cpuacct.levels)
        group.usage = file(layout.cpuacct.folders[level], "cpuacct.usage");
    }
    groups_.push_back(std::move(group));
  }
}

// `silent` is set when it told before.
std::optional<double> CpuProbe::quota_of(Group& group, bool& silent) {
  const std::string_view text = group.quota.read(buffer_);
  silent = text.empty() && group.had_quota;
  group.had_quota = group.had_quota || !text.empty();
  const auto quota = number_at(text);  // neither "max" nor "-1" is a number
  if (!quota) return std::nullopt;
  const std::size_t space = text.find(' ');
  const auto period = group.v2 ? number_at(space == std::string_view::npos ? text : text.substr(space))
                               : number_at(group.period.read(buffer_));
  if (!period || *period == 0 || *quota == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

CpuProbe::Use CpuProbe::used_by(Group& group, double seconds) {
  const std::string_view text = group.usage.read(buffer_);
  const auto now = group.v2 ? number_of(text, "usage_usec") : number_at(text);
  const bool lost = !now && group.had_use;
  group.had_use = group.had_use || now;
  const auto growth = group.used.growth(now);
  if (!growth || seconds <= 0) return {.cpus = {}, .lost = lost};
  return {.cpus = static_cast<double>(*growth) / (group.v2 ? 1e6 : 1e9) / seconds};
}

// Time does not stand still on a machine that is idle: counters that do not move have stopped. But they count
// in ticks of 10 ms, each kind of use by itself.
CpuProbe::Use CpuProbe::used_on_machine(SteadyTime now) {
  const Ticks ticks = ticks_of(stat_.read(buffer_), allowed_);
  const bool told = ticks.cpus > 0;
  const bool lost = !told && had_stat_;
  had_stat_ = had_stat_ || told;
  const auto busy = busy_.growth(told ? std::optional(ticks.busy) : std::nullopt);
  const auto total = total_.growth(told ? std::optional(ticks.total) : std::nullopt);
  if (!busy || !total) return {.cpus = {}, .lost = lost};
  if (*total > 0) {
    machine_moved_ = now;
    machine_use_ =
        static_cast<double>(last_.allowed) * static_cast<double>(*busy) / static_cast<double>(*total);
  } else if (now - machine_moved_ > kStandstill) {
    machine_use_.reset();
  }
  return {.cpus = machine_use_};
}

double CpuProbe::ticks_to_cpus(std::uint64_t ticks, double seconds) const {
  return seconds > 0 ? static_cast<double>(ticks) / ticks_per_second_ / seconds : 0;
}

// The kernel keeps this list within the cpuset of every group above us.
void CpuProbe::look_at_allowed() {
  std::array<std::uint64_t, CpuSet{}.size() / 64> words{};
  if (self_ != 0 &&
      ::sched_getaffinity(self_, sizeof words, reinterpret_cast<cpu_set_t*>(words.data())) == 0) {
    allowed_.reset();
    for (std::size_t word = 0; word < words.size(); ++word)
      for (std::uint64_t bits = words[word]; bits != 0; bits &= bits - 1)
        allowed_.set(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
    return;
  }
  const std::string_view status = status_.read(buffer_);
  constexpr std::string_view kKey = "Cpus_allowed_list:";
  const std::size_t at = status.find(kKey);
  if (at == std::string_view::npos) return;
  std::string_view line = status.substr(at + kKey.size());
  allowed_ = parse_cpu_list(next_line(line));
}

// What this process used, in CPUs.
std::optional<double> CpuProbe::own_cpus(double seconds) {
  timespec used{};
  if (self_ != 0 && ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0) {
    const auto growth = own_.growth(static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 +
                                    static_cast<std::uint64_t>(used.tv_nsec));
    if (!growth || seconds <= 0) return std::nullopt;
    return static_cast<double>(*growth) / 1e9 / seconds;
  }
  const auto ticks = own_.growth(process_ticks(own_stat_.read(buffer_)));
  return ticks ? std::optional(ticks_to_cpus(*ticks, seconds)) : std::nullopt;
}

const CpuReading& CpuProbe::read(SteadyTime now) {
  const auto then = std::exchange(before_, now);
  const double seconds = then ? std::chrono::duration<double>(now - *then).count() : 0;

  look_at_allowed();
  last_.allowed = std::max<std::int64_t>(1, static_cast<std::int64_t>(allowed_.count()));

  const auto machine = static_cast<double>(last_.allowed);
  double effective = machine;
  std::optional<double> free;
  bool lost = false;
  const auto count = [&](double cpus, const Use& use) {
    lost = lost || use.lost;
    if (use.cpus) free = std::min(free.value_or(machine), cpus - *use.cpus);
  };
  count(machine, used_on_machine(now));
  for (Group& group : groups_) {
    bool silent = false;
    const double cpus = std::min(machine, quota_of(group, silent).value_or(machine));
    lost = lost || silent;
    effective = std::min(effective, cpus);
    count(cpus, used_by(group, seconds));
  }
  last_.effective_cpus = effective;
  last_.percent = std::nullopt;
  if (free && !lost) last_.percent = std::clamp((effective - *free) / effective * 100, 0.0, 100.0);
  last_.own_percent = own_cpus(seconds).value_or(0) / effective * 100;
  return last_;
}

}  // namespace medsynth::limits
