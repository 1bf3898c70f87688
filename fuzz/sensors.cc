// The kernel's files, separated by zero bytes: whatever they say, a sample is made, and its percents are
// percents.
#include "medsynth/limits/sensors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <optional>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medsynth;
  static const fuzz::Folder folder;
  static constexpr std::array kFiles{"proc/stat",
                                     "proc/meminfo",
                                     "proc/self/cgroup",
                                     "proc/self/mountinfo",
                                     "proc/self/stat",
                                     "sys/fs/cgroup/cpu.max",
                                     "sys/fs/cgroup/cpu.stat",
                                     "sys/fs/cgroup/memory.max",
                                     "sys/fs/cgroup/memory.current",
                                     "sys/fs/cgroup/memory.stat",
                                     "sys/fs/cgroup/cpuset.cpus.effective",
                                     "proc/pressure/cpu",
                                     "proc/pressure/memory",
                                     "proc/self/status",
                                     "sys/fs/cgroup/memory.high",
                                     "sys/fs/cgroup/memory.pressure",
                                     "sys/fs/cgroup/memory/memory.limit_in_bytes",
                                     "sys/fs/cgroup/memory/memory.usage_in_bytes",
                                     "sys/fs/cgroup/memory/memory.stat",
                                     "sys/fs/cgroup/cpu/cpu.cfs_quota_us",
                                     "sys/fs/cgroup/cpu/cpu.cfs_period_us",
                                     "sys/fs/cgroup/cpu/cpuacct.usage"};
  std::string_view rest = fuzz::text_of(data, size);
  for (const char* file : kFiles) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    folder.write(file, rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto sensors = limits::make_sensors({.root = folder.path(),
                                             .data_dir = folder.path(),
                                             .nvml = "",
                                             .first_window = std::chrono::milliseconds(0)});
  for (int look = 0; look < 2; ++look) {
    const limits::Sample sample = sensors->sample();
    for (const std::optional<double> percent : std::initializer_list<std::optional<double>>{
             sample.cpu_percent, sample.own_cpu_percent, sample.memory_percent, sample.gpu_percent})
      fuzz::require(!percent || (*percent >= 0 && *percent <= 100), "a percentage is one, or unknown");
    fuzz::require(std::isfinite(sample.effective_cpus) && sample.effective_cpus > 0, "there is some CPU");
  }
  (void)sensors->system();
  return 0;
}
