// Pressure stall information: how much of the last ten seconds tasks stood still for want of CPU, memory or
// disk. Of our own control group where it tells (v2), else of the machine; absent on kernels without it. Not
// thread safe.
#pragma once

#include <array>
#include <filesystem>
#include <span>

#include "medsynth/limits/probes/cgroups.h"
#include "medsynth/limits/probes/text_file.h"
#include "medsynth/limits/sensors.h"

namespace medsynth::limits {

class PressureProbe {
 public:
  PressureProbe(const std::filesystem::path& root, const CgroupLayout& layout, std::span<char> buffer);
  Pressure read();

 private:
  struct Source {
    TextFile group;
    TextFile machine;
    bool group_told = false;
  };
  std::string_view text_of(Source& source);

  std::span<char> buffer_;
  Source cpu_, memory_, io_;
};

}  // namespace medsynth::limits
