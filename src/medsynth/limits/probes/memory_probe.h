// Memory use as levels (sensors.h): the machine, and every control group from ours up; in v1 also what the
// groups above us allow that cannot be seen from here, and memory with swap. Not thread safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "medsynth/limits/probes/cgroups.h"
#include "medsynth/limits/probes/text_file.h"

namespace medsynth::limits {

struct MemoryReading {  // bytes
  std::uint64_t limit = 0;
  std::uint64_t used = 0;
  bool operator==(const MemoryReading&) const = default;
};

class MemoryProbe {
 public:
  MemoryProbe(const std::filesystem::path& root, const CgroupLayout& layout, std::span<char> buffer);
  // nullopt: unknown. A level that told before is silent, or one with a limit does not tell its use.
  std::optional<MemoryReading> read();

 private:
  struct Group {
    TextFile limit;
    TextFile high;  // v2: above it the kernel slows the group down, so it is a limit too
    TextFile usage;
    TextFile stat;
    TextFile with_swap_limit, with_swap_usage;  // v1
    bool told = false;                          // its limit could be read
  };
  // The least that is free so far, and the smallest limit; both grow smaller by each level.
  struct Least {
    std::optional<std::uint64_t> limit, free;
    void level(std::uint64_t limit, std::uint64_t used);
  };
  bool count(Group& group, std::uint64_t machine, Least& least);
  std::optional<std::uint64_t> available(std::string_view meminfo) const;
  std::uint64_t reclaimable(std::string_view stat) const;

  std::span<char> buffer_;
  TextFile meminfo_;
  bool had_meminfo_ = false;
  bool v2_;
  std::vector<Group> groups_;
};

}  // namespace medsynth::limits
