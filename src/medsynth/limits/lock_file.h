// A file whose bytes are locks that the kernel frees when their holder dies: open-file-description locks.
// Each LockFile is an open file description of its own, so two of them exclude each other, also within one
// thread.
//
// Descriptors are close-on-exec, and a forked child closes those it inherited before it runs any code of its
// own: such a lock lives as long as any copy of its descriptor does. In the child a LockFile is dead: it
// holds nothing and does nothing. A LockFile serves one thread at a time; different ones are independent.
#pragma once

#include <cstdint>
#include <filesystem>

#include "medsynth/base/error.h"

namespace medsynth::limits {

// How often this process and its forefathers had forked when it began: differs between a parent and its
// child.
std::uint64_t fork_generation();

class LockFile {
 public:
  LockFile() = default;  // closed
  ~LockFile() { close(); }
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;

  // Made (mode 600) when absent. not_allowed or exhausted, with the system's reason.
  static Result<LockFile> open(const std::filesystem::path& path);
  // Another description of the same file, also when it no longer has a name.
  Result<LockFile> again() const;

  // Never blocks. False when another description holds the byte, or this one is closed.
  bool try_lock(std::int64_t byte);
  // Beside others who share it; a byte that this one has locked becomes shared.
  bool try_share(std::int64_t byte);
  void unlock(std::int64_t byte);
  bool locked_by_another(std::int64_t byte) const;
  // Frees every lock it holds.
  void close();

  bool is_open() const { return descriptor_ >= 0 && generation_ == fork_generation(); }
  int descriptor() const { return descriptor_; }

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor), generation_(fork_generation()) {}
  static Result<LockFile> open_at(const std::string& path, int flags);
  int descriptor_ = -1;
  std::uint64_t generation_ = 0;
};

}  // namespace medsynth::limits
