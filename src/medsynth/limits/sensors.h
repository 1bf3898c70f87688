// What the machine, or the container we are in, is doing. Reads /proc, the cgroups that /proc/self/cgroup and
// mountinfo name (v1, v2, hybrid, none; every ancestor) under an injected root, and NVML through dlopen.
// Thread safe; one sample at a time, no thread of its own, no allocation after the first sample.
//
// CPU and memory are seen as levels that contain each other: the machine (its allowed CPUs, its RAM) and each
// cgroup with a limit. What is free is the least that is free at any level; what is used is the smallest
// limit less that. So a quiet container on a full machine is full, and reclaimable page cache is never use.
// Limits are read again at each sample.
//
// What was never there counts as absent: without cgroups the machine is the only level. What is there and
// does not answer is unknown, never 0 and never what it was: a file that could be read before, a GPU that is
// lost, a driver or a file system that hangs (asked in threads of their own, and an answer that is older than
// SensorOptions::old is none).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/clock.h"

namespace medsynth::limits {

struct CpuInfo {
  std::int64_t count = 1;          // physical cores
  std::int64_t count_logical = 1;  // logical CPUs this process tree may use
  std::optional<double> percent;   // absent, here and below: unknown
};
BOOST_DESCRIBE_STRUCT(CpuInfo, (), (count, count_logical, percent))

struct MemoryInfo {  // bytes
  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> available;
  std::optional<std::uint64_t> used;
  std::optional<double> percent;
};
BOOST_DESCRIBE_STRUCT(MemoryInfo, (), (total, available, used, percent))

// Whether `bytes` more would stay within that much of the memory; nullopt: it is not known how much there is.
std::optional<bool> has_room(const MemoryInfo& memory, std::uint64_t bytes, double max_percent);

// Of the last 10 s, in which some (or all) tasks stood still for want of it: of our control group where it
// tells, else of the machine.
struct Pressure {          // percent
  bool available = false;  // any of them is known
  std::optional<double> cpu_some;
  std::optional<double> memory_some;
  std::optional<double> memory_full;
  std::optional<double> io_full;
};
BOOST_DESCRIBE_STRUCT(Pressure, (), (available, cpu_some, memory_some, memory_full, io_full))

struct DiskInfo {  // bytes, of the data folder's file system
  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> used;
  std::optional<std::uint64_t> free;
  std::optional<double> percent;
};
BOOST_DESCRIBE_STRUCT(DiskInfo, (), (total, used, free, percent))

struct GpuDevice {  // bytes
  std::string name;
  std::optional<std::uint64_t> memory_total;
  std::optional<std::uint64_t> memory_used;
  std::optional<double> percent;
};
BOOST_DESCRIBE_STRUCT(GpuDevice, (), (name, memory_total, memory_used, percent))

// Name of the first device; sums over those that tell, absent when none does. Without a GPU all are 0.
struct GpuInfo {
  bool available = false;  // there is one, whether it answers or not
  std::int64_t count = 0;
  std::string name;
  std::optional<std::uint64_t> memory_total = 0;
  std::optional<std::uint64_t> memory_used = 0;
  std::optional<double> percent = 0;
  std::vector<GpuDevice> devices;
};
BOOST_DESCRIBE_STRUCT(GpuInfo, (), (available, count, name, memory_total, memory_used, percent, devices))

// GET /v1/resources/system.
struct SystemInfo {
  CpuInfo cpu;
  MemoryInfo memory;
  DiskInfo disk;
  GpuInfo gpu;
  Pressure pressure;
};
BOOST_DESCRIBE_STRUCT(SystemInfo, (), (cpu, memory, disk, gpu, pressure))

struct Sample {
  double effective_cpus = 1;              // min(quota of every ancestor, cpuset, affinity); may be fractional
  std::optional<double> cpu_percent = 0;  // since the sample before, of effective_cpus; absent: unknown
  double own_cpu_percent = 0;             // of effective_cpus, what this process used
  std::uint64_t memory_limit = 0;         // bytes; 0 when it is unknown
  std::uint64_t memory_used = 0;          // bytes, without reclaimable page cache
  std::optional<double> memory_percent = 0;           // absent: unknown
  std::optional<double> gpu_percent = 0;              // the busiest device; 0 without one; absent: unknown
  std::optional<std::uint64_t> gpu_memory_total = 0;  // bytes, sum over the devices; 0 without one
  std::uint64_t gpu_memory_free = 0;
};
// The same of a machine that does not tell.
Sample unknown(double effective_cpus);

// What one process uses.
struct ProcessUse {
  std::int32_t pid = 0;
  double cpu_percent = 0;             // of effective_cpus, since it was asked for before; 0 the first time
  std::uint64_t anonymous_bytes = 0;  // resident and not backed by a file
};

// The interface, so that tests and simulated hosts can put numbers in.
class Sensors {
 public:
  virtual ~Sensors() = default;
  virtual Sample sample() = 0;
  virtual SystemInfo system() = 0;  // disk of the data folder given at the start
  // One process of this machine, now; zeros for one that is gone.
  virtual ProcessUse process(std::int32_t pid) { return {.pid = pid}; }
};

struct SensorOptions {
  std::filesystem::path root = "/";  // of proc and sys
  std::filesystem::path data_dir = ".";
  std::string nvml = "libnvidia-ml.so.1";  // "" looks for no GPU
  // CPU use needs two looks. When the one before is older than 5 s, or there was none, sample() takes them
  // this far apart.
  std::chrono::milliseconds first_window{50};
  // How long a driver or a file system is waited for, and how old an answer may be that came before.
  std::chrono::milliseconds patience{500};
  std::chrono::milliseconds old{5000};
  const Clock* clock = &system_clock();  // outlives the sensors
};
std::unique_ptr<Sensors> make_sensors(const SensorOptions& options);

}  // namespace medsynth::limits
