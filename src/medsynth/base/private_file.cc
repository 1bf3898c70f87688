#include "medsynth/base/private_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include <fmt/format.h>

namespace medsynth {
namespace {

namespace fs = std::filesystem;

std::error_code last_error() {
  return {errno != 0 ? errno : EIO, std::generic_category()};
}

void create_folder_of(const fs::path& file) {
  std::error_code ignored;
  const fs::path folder = file.parent_path();
  if (fs::create_directories(folder, ignored)) fs::permissions(folder, fs::perms::owner_all, ignored);
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(descriptor) == 0;
}

bool is_private(const struct stat& state) {
  return S_ISREG(state.st_mode) && (state.st_mode & 077) == 0 &&
         (state.st_uid == ::geteuid() || state.st_uid == 0);
}

Error unreadable(const fs::path& file) {
  return {Code::unavailable, fmt::format("{} cannot be read: {}", file.string(), last_error().message()),
          "unreadable_file"};
}

}  // namespace

std::error_code write_private_file(const fs::path& file, std::string_view text) {
  create_folder_of(file);
  std::string part = file.string() + ".XXXXXX";
  errno = 0;
  const Descriptor out(::mkostemp(part.data(), O_CLOEXEC));  // mode 600
  if (!out) return last_error();
  if (write_all(*out, text) && ::rename(part.c_str(), file.c_str()) == 0) return {};
  const std::error_code error = last_error();
  ::unlink(part.c_str());
  return error;
}

std::error_code append_private_file(const fs::path& file, std::string_view text) {
  create_folder_of(file);
  errno = 0;
  const Descriptor out(
      ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat before{};
  if (!out || ::fstat(*out, &before) != 0) return last_error();
  if (!is_private(before)) return std::make_error_code(std::errc::permission_denied);
  if (write_all(*out, text)) return {};
  const std::error_code error = last_error();
  // What does not shrink back ends in half a text, which its reader has to expect of a power cut anyhow.
  (void)!::ftruncate(*out, before.st_size);
  return error;
}

Result<std::optional<std::string>> read_private_file(const fs::path& file, std::size_t last_bytes) {
  errno = 0;
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!in && (errno == ENOENT || errno == ENOTDIR)) return std::optional<std::string>();
  struct stat state{};
  if (!in || ::fstat(*in, &state) != 0) return unreadable(file);
  if (!is_private(state))
    return Error{Code::not_allowed,
                 fmt::format("{} must be a file that only its owner may read and write, and be yours: chmod "
                             "600 {}",
                             file.string(), file.string()),
                 "not_private"};
  if (const auto size = static_cast<std::size_t>(state.st_size); size > last_bytes)
    ::lseek(*in, static_cast<off_t>(size - last_bytes), SEEK_SET);
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::read(*in, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(file);
    if (got == 0) return std::optional(std::move(text));
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

FileLock::FileLock(const fs::path& file, std::chrono::milliseconds patience) {
  create_folder_of(file);
  errno = 0;
  descriptor_.reset(::open((file.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  constexpr std::chrono::milliseconds kTryAgain{5};
  const auto end = std::chrono::steady_clock::now() + patience;
  while (descriptor_) {
    held_ = ::flock(*descriptor_, LOCK_EX | LOCK_NB) == 0;
    if (held_ || (errno != EWOULDBLOCK && errno != EINTR) || std::chrono::steady_clock::now() > end) return;
    std::this_thread::sleep_for(kTryAgain);
  }
}

FileStamp stamp_of(const fs::path& file) {
  struct stat state{};
  if (::stat(file.c_str(), &state) != 0) return {};
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return {.exists = true,
          .device = state.st_dev,
          .inode = state.st_ino,
          .changed_ns = state.st_ctim.tv_sec * kNanoseconds + state.st_ctim.tv_nsec,
          .size = state.st_size};
}

}  // namespace medsynth
