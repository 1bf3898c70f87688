#include "medsynth/limits/sensors.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "medsynth/limits/lock_file.h"
#include "medsynth/limits/probes/asked.h"
#include "medsynth/limits/probes/cgroups.h"
#include "medsynth/limits/probes/cpu_probe.h"
#include "medsynth/limits/probes/memory_probe.h"
#include "medsynth/limits/probes/nvml.h"
#include "medsynth/limits/probes/pressure_probe.h"
#include "medsynth/limits/probes/text_file.h"

namespace medsynth::limits {
namespace {

using std::chrono::milliseconds;

// Looks closer together than this say little (the kernel counts in ticks of 10 ms): CPU use stays as it was.
constexpr milliseconds kShortestWindow{20};
// After this long without a look, use since then says nothing about now.
constexpr std::chrono::seconds kStale{5};
// /proc/stat of 500 CPUs fits; what is cut off are interrupt counters.
constexpr std::size_t kBuffer = 64 * 1024;
// Processes of ours on one machine; more of them are measured, but forget what they used before.
constexpr std::size_t kProcesses = 64;

std::string whole(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

double percent_of(double part, double total) {
  return total > 0 ? part / total * 100 : 0;
}

// "physical id" and "core id" of each CPU; 0 where the machine does not tell.
std::int64_t physical_cores(std::string_view cpuinfo) {
  std::set<std::pair<std::string, std::string>> cores;
  std::string package;
  while (!cpuinfo.empty()) {
    const std::string_view line = next_line(cpuinfo);
    if (line.starts_with("physical id")) package = line;
    if (line.starts_with("core id")) cores.emplace(package, line);
  }
  return static_cast<std::int64_t>(cores.size());
}

// Of /proc/<pid>/statm: "size resident shared ...", in pages.
std::uint64_t anonymous_bytes(std::string_view statm) {
  std::array<std::uint64_t, 3> pages{};
  for (std::uint64_t& each : pages) {
    each = number_at(statm).value_or(0);
    statm.remove_prefix(std::min(statm.size(), statm.find(' ')));
    statm.remove_prefix(std::min<std::size_t>(statm.size(), 1));
  }
  return pages[1] > pages[2] ? (pages[1] - pages[2]) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))
                             : 0;
}

// A process that was asked about, with its files kept open.
struct Watched {
  std::int32_t pid = 0;
  TextFile stat;
  TextFile statm;
  std::optional<std::uint64_t> ticks;
  SteadyTime seen;
};

// What df says of the file system that a folder lies on, or will lie on.
DiskInfo disk_of(const std::filesystem::path& folder) {
  // What does not exist yet will lie where its nearest parent does.
  std::error_code error;
  std::filesystem::path place = std::filesystem::absolute(folder, error);
  while (!std::filesystem::exists(place, error) && place.has_relative_path()) place = place.parent_path();
  struct statvfs found{};
  if (::statvfs(place.c_str(), &found) != 0) return {};
  const std::uint64_t total = found.f_blocks * found.f_frsize, free = found.f_bavail * found.f_frsize;
  const std::uint64_t used = total - std::min<std::uint64_t>(total, found.f_bfree * found.f_frsize);
  // As df: of what an ordinary user may have.
  return {.total = total,
          .used = used,
          .free = free,
          .percent = percent_of(static_cast<double>(used), static_cast<double>(used + free))};
}

// Over those that answer: the others cannot be used either.
struct GpuSums {
  std::optional<std::uint64_t> memory_total, memory_used;
  std::optional<double> percent;  // the highest
};
GpuSums sums_of(const GpuReading& reading) {
  if (!reading.present) return {.memory_total = 0, .memory_used = 0, .percent = 0};
  GpuSums sums;
  for (const GpuDevice& device : reading.devices) {
    if (device.memory_total) sums.memory_total = sums.memory_total.value_or(0) + *device.memory_total;
    if (device.memory_used) sums.memory_used = sums.memory_used.value_or(0) + *device.memory_used;
    if (device.percent) sums.percent = std::max(sums.percent.value_or(0), *device.percent);
  }
  return sums;
}

GpuInfo info_of(const GpuReading& reading) {
  const GpuSums sums = sums_of(reading);
  return {.available = reading.present,
          .count = static_cast<std::int64_t>(reading.devices.size()),
          .name = reading.devices.empty() ? "" : reading.devices[0].name,
          .memory_total = sums.memory_total,
          .memory_used = sums.memory_used,
          .percent = sums.percent,
          .devices = reading.devices};
}

// What the kernel tells of our process tree; made anew when it was moved to other control groups.
struct Levels {
  CgroupLayout layout;
  CpuProbe cpu;
  MemoryProbe memory;
  PressureProbe pressure;
  std::optional<SteadyTime> looked;  // at the CPUs

  Levels(const SensorOptions& options, std::string_view cgroup, std::span<char> buffer)
      : layout(cgroup_layout(cgroup, whole(options.root / "proc/self/mountinfo"))),
        cpu(options.root, layout, buffer),
        memory(options.root, layout, buffer),
        pressure(options.root, layout, buffer) {}
};

// Everything that is read again and again; a forked child makes its own, for /proc/self is not its parent's.
struct Probes {
  const std::uint64_t generation = fork_generation();
  std::vector<char> buffer = std::vector<char>(kBuffer);
  const std::int64_t cores;  // does not change, and takes long to read
  TextFile cgroup_file;
  std::string cgroup;
  std::optional<Levels> levels;
  Asked<GpuReading> gpus;
  GpuReading gpus_now;
  Asked<DiskInfo> disk;
  std::array<Watched, kProcesses> processes;

  explicit Probes(const SensorOptions& options)
      : cores(physical_cores(whole(options.root / "proc/cpuinfo"))),
        cgroup_file(options.root / "proc/self/cgroup"),
        cgroup(cgroup_file.read(buffer)),
        levels(std::in_place, options, cgroup, buffer),
        gpus([probe = std::make_shared<GpuProbe>(options.nvml),
              clock = options.clock] { return probe->read(clock->steady()); },
             options.patience, options.old),
        disk([folder = options.data_dir] { return disk_of(folder); }, options.patience, options.old) {}
};

class MachineSensors final : public Sensors {
 public:
  explicit MachineSensors(SensorOptions options) : options_(std::move(options)) {}

  Sample sample() override {
    const std::lock_guard lock(mutex_);
    Probes& probes = here();
    follow_group(probes);
    look_at_cpu(*probes.levels);
    const CpuReading& cpu = probes.levels->cpu.last();
    Sample sample = unknown(cpu.effective_cpus);
    sample.cpu_percent = cpu.percent;
    sample.own_cpu_percent = cpu.own_percent;
    if (const auto memory = probes.levels->memory.read()) {
      sample.memory_limit = memory->limit;
      sample.memory_used = memory->used;
      sample.memory_percent =
          percent_of(static_cast<double>(memory->used), static_cast<double>(memory->limit));
    }
    const GpuSums gpu = sums_of(look_at_gpus(probes));
    sample.gpu_percent = gpu.percent;
    sample.gpu_memory_total = gpu.memory_total;
    sample.gpu_memory_free =
        gpu.memory_total.value_or(0) - std::min(gpu.memory_total.value_or(0), gpu.memory_used.value_or(0));
    return sample;
  }

  ProcessUse process(std::int32_t pid) override {
    const std::lock_guard lock(mutex_);
    Probes& probes = here();
    const CpuProbe& cpu = probes.levels->cpu;
    Watched& watched = find(probes, pid);
    const SteadyTime now = options_.clock->steady();
    const auto ticks = process_ticks(watched.stat.read(probes.buffer));
    ProcessUse use{.pid = pid};
    if (ticks && watched.ticks && *ticks >= *watched.ticks) {
      const double seconds = std::chrono::duration<double>(now - watched.seen).count();
      use.cpu_percent = cpu.ticks_to_cpus(*ticks - *watched.ticks, seconds) / cpu.last().effective_cpus * 100;
    }
    watched.ticks = ticks;
    watched.seen = now;
    use.anonymous_bytes = anonymous_bytes(watched.statm.read(probes.buffer));
    return use;
  }

  SystemInfo system() override {
    const Sample now = sample();
    const std::lock_guard lock(mutex_);
    Probes& probes = here();
    SystemInfo info;
    info.cpu.count_logical = probes.levels->cpu.last().allowed;
    info.cpu.count = probes.cores > 0 ? probes.cores : info.cpu.count_logical;
    info.cpu.percent = now.cpu_percent;
    if (now.memory_percent)
      info.memory = {now.memory_limit, now.memory_limit - now.memory_used, now.memory_used,
                     now.memory_percent};
    if (DiskInfo disk; probes.disk.answer(disk)) info.disk = disk;
    info.gpu = info_of(look_at_gpus(probes));
    info.pressure = probes.levels->pressure.read();
    return info;
  }

 private:
  Probes& here() {
    // What a parent had open is not closed properly in its child: the driver's library does not survive a
    // fork.
    if (probes_ && probes_->generation != fork_generation()) static_cast<void>(probes_.release());
    if (!probes_) probes_ = std::make_unique<Probes>(options_);
    return *probes_;
  }

  void follow_group(Probes& probes) const {
    const std::string_view now = probes.cgroup_file.read(probes.buffer);
    if (now.empty() || now == probes.cgroup) return;
    probes.cgroup = now;
    probes.levels.emplace(options_, probes.cgroup, probes.buffer);
  }

  // A machine without one is asked seldom.
  const GpuReading& look_at_gpus(Probes& probes) const {
    GpuReading& now = probes.gpus_now;
    if (options_.nvml.empty() || (!now.present && options_.clock->steady() < now.next_try)) return now;
    if (!probes.gpus.answer(now)) {
      now.present = true;  // as far as anybody knows
      for (GpuDevice& device : now.devices) device = {.name = std::move(device.name)};
    }
    return now;
  }

  void look_at_cpu(Levels& levels) const {
    SteadyTime now = options_.clock->steady();
    if (levels.looked && now - *levels.looked < kShortestWindow) return;
    if ((!levels.looked || now - *levels.looked > kStale) && options_.first_window > milliseconds(0)) {
      levels.cpu.read(now);
      std::this_thread::sleep_for(options_.first_window);
      now = options_.clock->steady();
    }
    levels.cpu.read(now);
    levels.looked = now;
  }

  static Watched& find(Probes& probes, std::int32_t pid, const std::filesystem::path& root) {
    Watched* oldest = &probes.processes[0];
    for (Watched& each : probes.processes) {
      if (each.pid == pid) return each;
      if (each.pid == 0 || (oldest->pid != 0 && each.seen < oldest->seen)) oldest = &each;
      if (each.pid == 0) break;
    }
    const std::filesystem::path folder = root / "proc" / std::to_string(pid);
    *oldest = {.pid = pid,
               .stat = TextFile(folder / "stat"),
               .statm = TextFile(folder / "statm"),
               .ticks = {},
               .seen = {}};
    return *oldest;
  }
  Watched& find(Probes& probes, std::int32_t pid) const { return find(probes, pid, options_.root); }

  const SensorOptions options_;
  std::mutex mutex_;
  std::unique_ptr<Probes> probes_;
};

}  // namespace

Sample unknown(double effective_cpus) {
  return {.effective_cpus = effective_cpus,
          .cpu_percent = {},
          .memory_percent = {},
          .gpu_percent = {},
          .gpu_memory_total = {}};
}

std::optional<bool> has_room(const MemoryInfo& memory, std::uint64_t bytes, double max_percent) {
  if (!memory.total || !memory.used) return std::nullopt;
  return static_cast<double>(*memory.used) + static_cast<double>(bytes) <=
         max_percent / 100 * static_cast<double>(*memory.total);
}

std::unique_ptr<Sensors> make_sensors(const SensorOptions& options) {
  return std::make_unique<MachineSensors>(options);
}

}  // namespace medsynth::limits
