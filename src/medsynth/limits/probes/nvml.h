// NVIDIA GPUs through the driver's own library, found at run time: nothing is linked, the prototypes are
// ours. Only symbols that exist since 2019. Not thread safe; any call may take as long as the driver does.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/limits/sensors.h"

namespace medsynth::limits {

class Nvml {
 public:
  // Null when there is no such library, driver or device, with `trouble` empty; or when there is and it does
  // not work (the driver was updated, no rights), with `trouble` saying why.
  static std::unique_ptr<Nvml> open(const std::string& library, std::string& trouble);
  ~Nvml();
  Nvml(const Nvml&) = delete;

  // Each device now. What it does not tell is absent: use where utilisation is not supported (MIG),
  // everything of a device that is lost or that another user has to himself.
  std::vector<GpuDevice> read();

 private:
  struct Calls;
  explicit Nvml(std::unique_ptr<Calls> calls);
  std::unique_ptr<Calls> calls_;
  std::vector<void*> handles_;  // null for a device that cannot be opened
  std::vector<std::string> names_;
};

// What is known of the GPUs.
struct GpuReading {
  std::vector<GpuDevice> devices;
  bool present = false;                     // there are devices, or a driver that does not say which
  SteadyTime next_try = SteadyTime::min();  // while not: nobody need ask before
};

// Opens the library, again from time to time while there is none, and when no device answers any more: a
// driver may be loaded, updated or lose its devices while we run.
class GpuProbe {
 public:
  explicit GpuProbe(std::string library) : library_(std::move(library)) {}
  GpuReading read(SteadyTime now);

 private:
  bool reopen(SteadyTime now);
  const std::string library_;
  std::unique_ptr<Nvml> nvml_;
  GpuReading last_;  // when it was open, without its numbers
  std::string trouble_;
  std::chrono::seconds wait_{1};
};

}  // namespace medsynth::limits
