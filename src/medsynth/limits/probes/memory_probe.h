// Memory use as levels (sensors.h): the machine, and every control group from ours up. Not thread safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "medsynth/limits/probes/cgroups.h"
#include "medsynth/limits/probes/text_file.h"

namespace medsynth::limits {

struct MemoryReading {  // bytes
  std::uint64_t limit = 0;
  std::uint64_t used = 0;
};

class MemoryProbe {
 public:
  MemoryProbe(const std::filesystem::path& root, const CgroupLayout& layout, std::span<char> buffer);
  MemoryReading read();

 private:
  struct Group {
    TextFile limit;
    TextFile high;  // v2: above it the kernel slows the group down, so it is a limit too
    TextFile usage;
    TextFile stat;
  };
  std::uint64_t unreclaimable(Group& group);

  std::span<char> buffer_;
  TextFile meminfo_;
  bool v2_;
  std::vector<Group> groups_;
};

}  // namespace medsynth::limits
