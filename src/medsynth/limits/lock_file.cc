#include "medsynth/limits/lock_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace medsynth::limits {
namespace {

// Descriptors that a forked child must close. The mutex is held while one is opened or closed, so that no
// fork happens between the system call and the bookkeeping; files here are in memory, the calls take
// microseconds.
struct Registry {
  std::mutex mutex;
  std::set<int> open;
  std::atomic<std::uint64_t> generation{0};
};

Registry& registry() {
  static Registry* const the = [] {
    auto* made = new Registry;  // never destroyed: fork handlers outlive static objects
    pthread_atfork([] { registry().mutex.lock(); }, [] { registry().mutex.unlock(); },
                   [] {
                     for (const int descriptor : registry().open) ::close(descriptor);
                     registry().open.clear();
                     ++registry().generation;
                     registry().mutex.unlock();
                   });
    return made;
  }();
  return *the;
}

struct flock byte_range(short type, std::int64_t byte) {
  struct flock range{};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = byte;
  range.l_len = 1;
  return range;
}

}  // namespace

std::uint64_t fork_generation() {
  return registry().generation.load(std::memory_order_relaxed);
}

LockFile::LockFile(LockFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), generation_(other.generation_) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  if (this == &other) return *this;
  close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  generation_ = other.generation_;
  return *this;
}

Result<LockFile> LockFile::open_at(const std::string& path, int flags) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
  if (descriptor < 0) {
    const int cause = errno;
    const bool full = cause == EMFILE || cause == ENFILE || cause == ENOSPC || cause == EDQUOT;
    return Error{full ? Code::exhausted : Code::not_allowed,
                 fmt::format("cannot open {}: {}", path, std::strerror(cause)), ""};
  }
  all.open.insert(descriptor);
  return LockFile(descriptor);
}

Result<LockFile> LockFile::open(const std::filesystem::path& path) {
  return open_at(path.string(), O_CREAT | O_NOFOLLOW);
}

Result<LockFile> LockFile::again() const {
  if (!is_open()) return Error{Code::internal, "this lock file is closed", ""};
  return open_at(fmt::format("/proc/self/fd/{}", descriptor_), 0);
}

bool LockFile::try_lock(std::int64_t byte) {
  struct flock range = byte_range(F_WRLCK, byte);
  return is_open() && ::fcntl(descriptor_, F_OFD_SETLK, &range) == 0;
}

bool LockFile::try_share(std::int64_t byte) {
  struct flock range = byte_range(F_RDLCK, byte);
  return is_open() && ::fcntl(descriptor_, F_OFD_SETLK, &range) == 0;
}

void LockFile::unlock(std::int64_t byte) {
  struct flock range = byte_range(F_UNLCK, byte);
  if (is_open()) ::fcntl(descriptor_, F_OFD_SETLK, &range);
}

bool LockFile::locked_by_another(std::int64_t byte) const {
  struct flock range = byte_range(F_WRLCK, byte);
  if (!is_open() || ::fcntl(descriptor_, F_OFD_GETLK, &range) != 0) return false;
  return range.l_type != F_UNLCK;
}

void LockFile::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor < 0 || generation_ != fork_generation()) return;
  // Unlocked by name first: a copy of the descriptor that escaped the fork handler must not keep the locks.
  struct flock all{};
  all.l_type = F_UNLCK;
  all.l_whence = SEEK_SET;
  ::fcntl(descriptor, F_OFD_SETLK, &all);
  Registry& open = registry();
  const std::lock_guard lock(open.mutex);
  open.open.erase(descriptor);
  ::close(descriptor);
}

}  // namespace medsynth::limits
