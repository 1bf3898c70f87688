// Inside the room: one writer at a time, over processes. Freed when its holder dies.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "medsynth/base/error.h"

namespace medsynth::models {

class FileLock {
 public:
  // Waits for the holder; writers of these files hold it for milliseconds. unavailable: it cannot be made.
  static Result<FileLock> take(const std::string& file) {
    FileLock lock;
    lock.descriptor_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock.descriptor_ < 0 || flock(lock.descriptor_, LOCK_EX) != 0)
      return Error{Code::unavailable, "cannot write " + file + ": check the folder's rights", ""};
    return lock;
  }
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock() {
    if (descriptor_ >= 0) close(descriptor_);
  }

 private:
  FileLock() = default;
  int descriptor_ = -1;
};

}  // namespace medsynth::models
