// NVIDIA GPUs through the driver's own library, found at run time: nothing is linked, the prototypes are
// ours. Only symbols that exist since 2019. Not thread safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "medsynth/limits/sensors.h"

namespace medsynth::limits {

class Nvml {
 public:
  // Null when there is no such library, no driver or no device.
  static std::unique_ptr<Nvml> open(const std::string& library);
  ~Nvml();
  Nvml(const Nvml&) = delete;

  // Of each device now. What a device does not tell stays as it was: 0 use where utilisation is not supported
  // (MIG).
  const std::vector<GpuDevice>& read();

 private:
  struct Calls;
  explicit Nvml(std::unique_ptr<Calls> calls);
  std::unique_ptr<Calls> calls_;
  std::vector<void*> handles_;
  std::vector<GpuDevice> devices_;
};

}  // namespace medsynth::limits
