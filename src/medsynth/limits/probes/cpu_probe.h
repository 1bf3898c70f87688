// CPU use as levels (sensors.h): the allowed CPUs of the machine, and every control group from ours up. Each
// level has so many CPUs and so many free; we have the least of both. Use is unknown while no level tells,
// and when one that told is silent. Not thread safe.
#pragma once

#include <bitset>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/limits/probes/cgroups.h"
#include "medsynth/limits/probes/text_file.h"

namespace medsynth::limits {

using CpuSet = std::bitset<4096>;
// "0-3,8": the format of Cpus_allowed_list and of cpusets.
CpuSet parse_cpu_list(std::string_view text);

struct CpuReading {
  double effective_cpus = 1;
  std::optional<double> percent;
  double own_percent = 0;
  std::int64_t allowed = 1;  // logical CPUs
};

class CpuProbe {
 public:
  CpuProbe(const std::filesystem::path& root, const CgroupLayout& layout, std::span<char> buffer);
  // Use since the call before; unknown at the first.
  const CpuReading& read(SteadyTime now);
  const CpuReading& last() const { return last_; }
  double ticks_to_cpus(std::uint64_t ticks, double seconds) const;

 private:
  // A counter that only grows, seen twice.
  struct Counter {
    std::optional<std::uint64_t> before;
    std::optional<std::uint64_t> growth(std::optional<std::uint64_t> now);
  };
  struct Group {
    bool v2 = false;
    TextFile quota;   // v2 cpu.max: "max 100000"; v1 cpu.cfs_quota_us: -1 for none
    TextFile period;  // v1
    TextFile usage;   // v2 cpu.stat, v1 cpuacct.usage
    Counter used;
    bool had_quota = false, had_use = false;
  };
  // What a level says of its use: so many CPUs, or why there is no number.
  struct Use {
    std::optional<double> cpus;
    bool lost = false;  // it told before
  };
  void look_at_allowed();
  std::optional<double> own_cpus(double seconds);
  std::optional<double> quota_of(Group& group, bool& silent);
  Use used_by(Group& group, double seconds);
  Use used_on_machine(SteadyTime now);

  std::span<char> buffer_;
  // Of this machine the kernel answers two questions in a microsecond each that its texts take thirty for:
  // which CPUs we may use, and what we used. 0 under another root.
  const std::int32_t self_;
  TextFile status_;
  TextFile stat_;
  TextFile own_stat_;
  std::vector<Group> groups_;
  CpuSet allowed_;
  Counter busy_, total_, own_;
  bool had_stat_ = false;
  std::optional<double> machine_use_;  // CPUs
  SteadyTime machine_moved_ = {};
  std::optional<SteadyTime> before_;
  CpuReading last_;
  double ticks_per_second_;
};

// utime + stime of /proc/<pid>/stat, in ticks.
std::optional<std::uint64_t> process_ticks(std::string_view stat);

}  // namespace medsynth::limits
