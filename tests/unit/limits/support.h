// What the tests of limits share: a folder that goes away, a machine with numbers put in, waiting for a
// condition.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"

#include "support/eventually.h"

namespace medsynth::limits {

using test::eventually;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "limits-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  // Writes a file below the folder; the same file is written again in place.
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  }

 private:
  std::filesystem::path path_;
};

// A machine whose numbers the test sets.
class FakeSensors final : public Sensors {
 public:
  FakeSensors() = default;
  explicit FakeSensors(const Sample& sample) : sample_(sample) {}
  void set(const Sample& sample) {
    const std::lock_guard lock(mutex_);
    sample_ = sample;
  }
  int samples() const { return samples_; }
  Sample sample() override {
    ++samples_;
    const std::lock_guard lock(mutex_);
    return sample_;
  }
  SystemInfo system() override { return {}; }

 private:
  std::mutex mutex_;
  Sample sample_;
  std::atomic<int> samples_{0};
};

// Slots alone decide: the other gates are off.
inline Limits slots_only(std::int64_t slots) {
  return {.max_cpu_percent = 100,
          .max_memory_percent = 100,
          .max_gpu_percent = 100,
          .max_concurrent_tasks = slots};
}

}  // namespace medsynth::limits
