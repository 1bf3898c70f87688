#include "medsynth/limits/probes/memory_probe.h"

#include <algorithm>

namespace medsynth::limits {

MemoryProbe::MemoryProbe(const std::filesystem::path& root, const CgroupLayout& layout,
                         std::span<char> buffer)
    : buffer_(buffer), meminfo_(root / "proc/meminfo"), v2_(layout.memory.v2) {
  for (const std::string& folder : layout.memory.folders) {
    const std::filesystem::path at = root / std::filesystem::path(folder).relative_path();
    groups_.push_back({TextFile(at / (v2_ ? "memory.max" : "memory.limit_in_bytes")),
                       v2_ ? TextFile(at / "memory.high") : TextFile(),
                       TextFile(at / (v2_ ? "memory.current" : "memory.usage_in_bytes")),
                       TextFile(at / "memory.stat")});
  }
}

// Page cache is not use: also its active part goes when somebody needs the memory (measured: a model file
// that is read twice is all "active"). Nor are the kernel's caches. What is still to be written to disk does
// not go at once: it is use.
std::uint64_t MemoryProbe::unreclaimable(Group& group) {
  const std::uint64_t usage = number_at(group.usage.read(buffer_)).value_or(0);
  const std::string_view stat = group.stat.read(buffer_);
  // v1 counts the group alone without the prefix, with its children with it.
  const auto of = [&](std::string_view v2_key, std::string_view v1_key) {
    return (v2_ ? number_of(stat, v2_key) : number_of(stat, v1_key)).value_or(0);
  };
  const std::uint64_t cache = of("inactive_file", "total_inactive_file") +
                              of("active_file", "total_active_file") +
                              of("slab_reclaimable", "total_slab_reclaimable");
  const std::uint64_t unwritten = of("file_dirty", "total_dirty") + of("file_writeback", "total_writeback");
  const std::uint64_t goes = cache - std::min(cache, unwritten);
  return usage > goes ? usage - goes : 0;
}

MemoryReading MemoryProbe::read() {
  constexpr std::uint64_t kKib = 1024;
  const std::string_view meminfo = meminfo_.read(buffer_);
  const std::uint64_t total = number_of(meminfo, "MemTotal").value_or(0) * kKib;
  const std::uint64_t available = std::min(total, number_of(meminfo, "MemAvailable").value_or(0) * kKib);
  std::uint64_t limit = total;
  std::uint64_t free = available;
  for (Group& group : groups_) {
    // "max" is no number; v1's "no limit" is beyond any total.
    auto most = number_at(group.limit.read(buffer_));
    if (const auto high = number_at(group.high.read(buffer_))) most = std::min(most.value_or(*high), *high);
    if (!most || (total > 0 && *most >= total)) continue;
    const std::uint64_t used = unreclaimable(group);
    const std::uint64_t left = *most > used ? *most - used : 0;
    limit = limit == 0 ? *most : std::min(limit, *most);
    free = total == 0 ? left : std::min(free, left);
  }
  return {limit, limit - std::min(limit, free)};
}

}  // namespace medsynth::limits
