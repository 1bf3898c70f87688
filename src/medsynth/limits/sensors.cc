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

// Everything that is read again and again; a forked child makes its own, for /proc/self is not its parent's.
struct Probes {
  const std::uint64_t generation = fork_generation();
  std::vector<char> buffer = std::vector<char>(kBuffer);
  const std::int64_t cores;  // does not change, and takes long to read
  CgroupLayout layout;
  CpuProbe cpu;
  MemoryProbe memory;
  PressureProbe pressure;
  std::unique_ptr<Nvml> nvml;
  std::optional<SteadyTime> looked;
  std::array<Watched, kProcesses> processes;

  explicit Probes(const SensorOptions& options)
      : cores(physical_cores(whole(options.root / "proc/cpuinfo"))),
        layout(cgroup_layout(whole(options.root / "proc/self/cgroup"),
                             whole(options.root / "proc/self/mountinfo"))),
        cpu(options.root, layout, buffer),
        memory(options.root, layout, buffer),
        pressure(options.root, layout, buffer),
        nvml(Nvml::open(options.nvml)) {}
};

class MachineSensors final : public Sensors {
 public:
  explicit MachineSensors(SensorOptions options) : options_(std::move(options)) {}

  Sample sample() override {
    const std::lock_guard lock(mutex_);
    Probes& probes = here();
    look_at_cpu(probes);
    const CpuReading& cpu = probes.cpu.last();
    const MemoryReading memory = probes.memory.read();
    Sample sample{
        .effective_cpus = cpu.effective_cpus,
        .cpu_percent = cpu.percent,
        .own_cpu_percent = cpu.own_percent,
        .memory_limit = memory.limit,
        .memory_used = memory.used,
        .memory_percent = percent_of(static_cast<double>(memory.used), static_cast<double>(memory.limit))};
    if (!probes.nvml) return sample;
    for (const GpuDevice& device : probes.nvml->read()) {
      sample.gpu_percent = std::max(sample.gpu_percent, device.percent);
      sample.gpu_memory_total += device.memory_total;
      sample.gpu_memory_free += device.memory_total - std::min(device.memory_total, device.memory_used);
    }
    return sample;
  }

  ProcessUse process(std::int32_t pid) override {
    const std::lock_guard lock(mutex_);
    Probes& probes = here();
    Watched& watched = find(probes, pid);
    const SteadyTime now = options_.clock->steady();
    const auto ticks = process_ticks(watched.stat.read(probes.buffer));
    ProcessUse use{.pid = pid};
    if (ticks && watched.ticks && *ticks >= *watched.ticks) {
      const double seconds = std::chrono::duration<double>(now - watched.seen).count();
      use.cpu_percent =
          probes.cpu.ticks_to_cpus(*ticks - *watched.ticks, seconds) / probes.cpu.last().effective_cpus * 100;
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
    info.cpu.count_logical = probes.cpu.last().allowed;
    info.cpu.count = probes.cores > 0 ? probes.cores : info.cpu.count_logical;
    info.cpu.percent = now.cpu_percent;
    info.memory = {now.memory_limit, now.memory_limit - now.memory_used, now.memory_used, now.memory_percent};
    info.disk = disk();
    if (probes.nvml) info.gpu = sum(probes.nvml->read());
    info.pressure = probes.pressure.read();
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

  void look_at_cpu(Probes& probes) {
    SteadyTime now = options_.clock->steady();
    if (probes.looked && now - *probes.looked < kShortestWindow) return;
    if ((!probes.looked || now - *probes.looked > kStale) && options_.first_window > milliseconds(0)) {
      probes.cpu.read(now);
      std::this_thread::sleep_for(options_.first_window);
      now = options_.clock->steady();
    }
    probes.cpu.read(now);
    probes.looked = now;
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

  DiskInfo disk() const {
    // What does not exist yet will lie where its nearest parent does.
    std::error_code error;
    std::filesystem::path place = std::filesystem::absolute(options_.data_dir, error);
    while (!std::filesystem::exists(place, error) && place.has_relative_path()) place = place.parent_path();
    struct statvfs found{};
    if (::statvfs(place.c_str(), &found) != 0) return {};
    DiskInfo disk{.total = found.f_blocks * found.f_frsize, .free = found.f_bavail * found.f_frsize};
    disk.used = disk.total - std::min<std::uint64_t>(disk.total, found.f_bfree * found.f_frsize);
    // As df: of what an ordinary user may have.
    disk.percent = percent_of(static_cast<double>(disk.used), static_cast<double>(disk.used + disk.free));
    return disk;
  }

  static GpuInfo sum(const std::vector<GpuDevice>& devices) {
    GpuInfo gpu{.available = true,
                .count = static_cast<std::int64_t>(devices.size()),
                .name = devices[0].name,
                .devices = devices};
    for (const GpuDevice& device : devices) {
      gpu.memory_total += device.memory_total;
      gpu.memory_used += device.memory_used;
      gpu.percent = std::max(gpu.percent, device.percent);
    }
    return gpu;
  }

  const SensorOptions options_;
  std::mutex mutex_;
  std::unique_ptr<Probes> probes_;
};

}  // namespace

std::unique_ptr<Sensors> make_sensors(const SensorOptions& options) {
  return std::make_unique<MachineSensors>(options);
}

}  // namespace medsynth::limits
