// Files that a program keeps for itself, mode 600: replaced as a whole, changed by one process at a time. Thread
// safe (no state); everything here may wait for a disk.
//
//   const FileLock lock(file);
//   if (!lock.held()) return ...;
//   BOOST_OUTCOME_TRY(auto text, read_private_file(file));
//   if (const auto error = write_private_file(file, changed(text))) return ...;
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "medsynth/base/descriptor.h"
#include "medsynth/base/error.h"

namespace medsynth {

// `text` and nothing else, on the disk when it returns; or the file stays as it was. Its folder is created (mode
// 700) when it is absent.
std::error_code write_private_file(const std::filesystem::path& file, std::string_view text);

// Adds `text` at the end, on the disk when it returns; or the file stays as it was. It is created when it is absent. EACCES
// for what read_private_file() calls not private, ELOOP for a symbolic link.
std::error_code append_private_file(const std::filesystem::path& file, std::string_view text);

// The whole text, or its last bytes; nullopt when there is no such file. not_allowed (reason "not_private"): others may read or
// write it, or it belongs to somebody else; unavailable: it cannot be read. Both with the path.
Result<std::optional<std::string>> read_private_file(const std::filesystem::path& file,
                                                     std::size_t last_bytes = SIZE_MAX);

// Held until it goes, among processes too; another's is waited for so long. The lock is on a file beside `file`,
// which is replaced. The folder is created when it is absent.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& file,
                    std::chrono::milliseconds patience = std::chrono::seconds(10));
  bool held() const { return held_; }  // false: errno says why, EWOULDBLOCK that somebody else has it

 private:
  Descriptor descriptor_;
  bool held_ = false;
};

// Differs once a file was replaced, written to, created or removed.
struct FileStamp {
  bool exists = false;
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t changed_ns = 0;  // ctime: no program can set it back
  std::int64_t size = 0;
  bool operator==(const FileStamp&) const = default;
};
FileStamp stamp_of(const std::filesystem::path& file);

}  // namespace medsynth
