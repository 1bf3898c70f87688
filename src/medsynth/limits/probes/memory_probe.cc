#include "medsynth/limits/probes/memory_probe.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace medsynth::limits {

MemoryProbe::MemoryProbe(const std::filesystem::path& root, const CgroupLayout& layout,
                         std::span<char> buffer)
    : buffer_(buffer), meminfo_(root / "proc/meminfo"), v2_(layout.memory.v2) {
  for (const std::string& folder : layout.memory.folders) {
    const std::filesystem::path at = root / std::filesystem::path(folder).relative_path();
    const auto file = [&](const char* v2, const char* v1) {
      const std::string_view name = v2_ ? v2 : v1;
      return name.empty() ? TextFile() : TextFile(at / name);
    };
    groups_.push_back({.limit = file("memory.max", "memory.limit_in_bytes"),
                       .high = file("memory.high", ""),
                       .usage = file("memory.current", "memory.usage_in_bytes"),
                       .stat = file("memory.stat", "memory.stat"),
                       .with_swap_limit = file("", "memory.memsw.limit_in_bytes"),
                       .with_swap_usage = file("", "memory.memsw.usage_in_bytes")});
  }
}

void MemoryProbe::Least::level(std::uint64_t at_most, std::uint64_t used) {
  const std::uint64_t left = at_most > used ? at_most - used : 0;
  limit = std::min(limit.value_or(at_most), at_most);
  free = std::min(free.value_or(left), left);
}

// Page cache is not use: also its active part goes when somebody needs the memory (measured: a model file
// that is read twice is all "active"). Nor are the kernel's caches. What is still to be written to disk does
// not go at once: it is use.
std::uint64_t MemoryProbe::reclaimable(std::string_view stat) const {
  // v1 counts the group alone without the prefix, with its children with it.
  const auto of = [&](std::string_view v2_key, std::string_view v1_key) {
    return (v2_ ? number_of(stat, v2_key) : number_of(stat, v1_key)).value_or(0);
  };
  const std::uint64_t cache = of("inactive_file", "total_inactive_file") +
                              of("active_file", "total_active_file") +
                              of("slab_reclaimable", "total_slab_reclaimable");
  const std::uint64_t unwritten = of("file_dirty", "total_dirty") + of("file_writeback", "total_writeback");
  return cache - std::min(cache, unwritten);
}

namespace {

std::optional<std::uint64_t> least_of(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

}  // namespace

// False when it does not tell what it must.
bool MemoryProbe::count(Group& group, std::uint64_t machine, Least& least) {
  const std::string_view text = group.limit.read(buffer_);
  if (text.empty()) return !group.told;  // the top of a tree has no limit
  group.told = true;
  auto limit = least_of(number_at(text), number_at(group.high.read(buffer_)));  // "max" is no number
  auto with_swap = number_at(group.with_swap_limit.read(buffer_));
  const auto used_with_swap = number_at(group.with_swap_usage.read(buffer_));
  const auto used = number_at(group.usage.read(buffer_));
  const std::string_view stat = group.stat.read(buffer_);
  if (!v2_) {  // of the groups above too, also of those that cannot be seen from here
    limit = least_of(limit, number_of(stat, "hierarchical_memory_limit"));
    with_swap = least_of(with_swap, number_of(stat, "hierarchical_memsw_limit"));
  }
  const std::uint64_t goes = reclaimable(stat);
  if (limit && *limit < machine) {
    if (!used) return false;
    least.level(*limit, *used - std::min(*used, goes));
  }
  if (with_swap && used_with_swap && *with_swap < machine)
    least.level(*with_swap, *used_with_swap - std::min(*used_with_swap, goes));
  return true;
}

// Kernels before 3.14, and some sandboxes, do not say what is available.
std::optional<std::uint64_t> MemoryProbe::available(std::string_view meminfo) const {
  if (const auto told = number_of(meminfo, "MemAvailable")) return told;
  const auto free = number_of(meminfo, "MemFree");
  if (!free) return std::nullopt;
  return *free + number_of(meminfo, "Buffers").value_or(0) + number_of(meminfo, "Cached").value_or(0);
}

std::optional<MemoryReading> MemoryProbe::read() {
  constexpr std::uint64_t kKib = 1024;
  Least least;
  const std::string_view meminfo = meminfo_.read(buffer_);
  const auto total = number_of(meminfo, "MemTotal");
  if (total && *total > 0) {
    const auto free = available(meminfo);
    if (!free) return std::nullopt;
    had_meminfo_ = true;
    least.level(*total * kKib, (*total - std::min(*total, *free)) * kKib);
  } else if (had_meminfo_) {
    return std::nullopt;
  }
  const std::uint64_t machine = least.limit.value_or(std::numeric_limits<std::int64_t>::max() / 2);
  for (Group& group : groups_)
    if (!count(group, machine, least)) return std::nullopt;
  if (!least.limit) return std::nullopt;
  return MemoryReading{*least.limit, *least.limit - std::min(*least.limit, *least.free)};
}

}  // namespace medsynth::limits
