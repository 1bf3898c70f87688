// What the programs of bench/limits share.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"

namespace medsynth::limits {

using SteadyClock = std::chrono::steady_clock;

inline double micros_since(SteadyTime start) {
  return std::chrono::duration<double, std::micro>(SteadyClock::now() - start).count();
}

inline double quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

// A runtime folder in memory that goes away with the process that made it.
class RuntimeFolder {
 public:
  RuntimeFolder() {
    std::string name = "/dev/shm/medsynth-bench-XXXXXX";
    if (!::mkdtemp(name.data())) std::abort();
    path_ = name;
  }
  ~RuntimeFolder() {
    std::error_code ignored;
    if (::getpid() == owner_) std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  pid_t owner_ = ::getpid();
};

inline Limits slots_only(std::int64_t slots) {
  return {.max_cpu_percent = 100,
          .max_memory_percent = 100,
          .max_gpu_percent = 100,
          .max_concurrent_tasks = slots};
}

inline std::unique_ptr<Limiter> open_limiter(const std::filesystem::path& folder, std::int64_t slots,
                                             Sensors& sensors) {
  auto limiter = Limiter::open({.limits = slots_only(slots), .runtime_dir = folder}, sensors);
  if (!limiter) {
    std::fprintf(stderr, "%s\n", limiter.error().message.c_str());
    std::exit(2);
  }
  return std::move(*limiter);
}

}  // namespace medsynth::limits
