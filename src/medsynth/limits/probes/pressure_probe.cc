#include "medsynth/limits/probes/pressure_probe.h"

#include <charconv>

namespace medsynth::limits {
namespace {

// "some avg10=1.23 avg60=0.10 avg300=0.00 total=4567"
std::optional<double> average_of(std::string_view text, std::string_view kind) {
  constexpr std::string_view kKey = " avg10=";
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (!line.starts_with(kind)) continue;
    line.remove_prefix(kind.size());
    if (!line.starts_with(kKey)) return std::nullopt;
    line.remove_prefix(kKey.size());
    double percent = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), percent);
    return error == std::errc() ? std::optional(percent) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

PressureProbe::PressureProbe(const std::filesystem::path& root, const CgroupLayout& layout,
                             std::span<char> buffer)
    : buffer_(buffer) {
  const auto source = [&](const std::string& name) {
    Source out{.group = {}, .machine = TextFile(root / "proc/pressure" / name)};
    if (!layout.unified.folders.empty())
      out.group = TextFile(root / std::filesystem::path(layout.unified.folders.front()).relative_path() /
                           (name + ".pressure"));
    return out;
  };
  cpu_ = source("cpu");
  memory_ = source("memory");
  io_ = source("io");
}

// A group that told and is silent is not replaced by the machine, which knows less of us.
std::string_view PressureProbe::text_of(Source& source) {
  const std::string_view text = source.group.read(buffer_);
  if (source.group_told || !text.empty()) {
    source.group_told = true;
    return text;
  }
  source.group = TextFile();  // a kernel that does not tell now never will: looking costs a failed open
  return source.machine.read(buffer_);
}

Pressure PressureProbe::read() {
  Pressure pressure;
  pressure.cpu_some = average_of(text_of(cpu_), "some");
  const std::string_view memory = text_of(memory_);
  pressure.memory_some = average_of(memory, "some");
  pressure.memory_full = average_of(memory, "full");
  pressure.io_full = average_of(text_of(io_), "full");
  pressure.available = pressure.cpu_some || pressure.memory_some || pressure.io_full;
  return pressure;
}

}  // namespace medsynth::limits
