// A log as a file that several processes add to. Thread safe (no state); everything here may wait for a disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace medsynth {

inline constexpr std::int64_t kLogFileSize =
    8 * 1024 * 1024;  // bytes: some days of a quiet server, an hour of a busy one

// What a log file was before it became too large.
std::filesystem::path older_log(const std::filesystem::path& file);

// Adds `line` and a line break; the file is created (mode 600) when it is absent. One of `max_bytes` becomes older_log(),
// whichever process meets it. What the disk does not take is lost.
void append_to_log(const std::filesystem::path& file, std::string_view line,
                   std::int64_t max_bytes = kLogFileSize);

namespace log {

// What is logged from now on goes into this file as JSON lines too. Before other threads log.
void keep_in(const std::filesystem::path& file);

}  // namespace log
}  // namespace medsynth
