// A small file of /proc or /sys that is read again and again: its descriptor is kept, the buffer is the
// caller's. Also the few ways to pick numbers out of such texts. Not thread safe.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "medsynth/base/descriptor.h"

namespace medsynth::limits {

class TextFile {
 public:
  TextFile() = default;  // reads as empty
  explicit TextFile(std::filesystem::path path) : path_(path.string()) {}

  // What is in it now, cut at the buffer's size; empty when it cannot be read. One that was absent is looked
  // for again.
  std::string_view read(std::span<char> buffer) {
    for (int tries = 0; tries < 2 && !path_.empty(); ++tries) {
      if (!descriptor_) descriptor_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
      if (!descriptor_) return {};
      const ssize_t size = ::pread(*descriptor_, buffer.data(), buffer.size(), 0);
      if (size > 0) return {buffer.data(), static_cast<std::size_t>(size)};
      descriptor_.reset();  // its cgroup or process is gone; another may have its name by now
    }
    return {};
  }

 private:
  std::string path_;
  Descriptor descriptor_;
};

inline std::optional<std::uint64_t> number_at(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

// Takes the first line off `text`.
inline std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// The number behind `key` at the start of a line: "MemTotal: 123 kB", "inactive_file 123".
inline std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    if (line.starts_with(':')) line.remove_prefix(1);
    if (line.starts_with(' ') || line.starts_with('\t')) return number_at(line);
  }
  return std::nullopt;
}

}  // namespace medsynth::limits
