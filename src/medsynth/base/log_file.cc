#include "medsynth/base/log_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "medsynth/base/descriptor.h"

namespace medsynth {

std::filesystem::path older_log(const std::filesystem::path& file) {
  return file.string() + ".1";
}

void append_to_log(const std::filesystem::path& file, std::string_view line, std::int64_t max_bytes) {
  const Descriptor out(::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out) return;
  (void)!::write(*out, (std::string(line) += '\n').data(), line.size() + 1);
  struct stat written{};
  // One process renames it: who has the lock, while the name is still this file's.
  if (::fstat(*out, &written) == 0 && written.st_size >= max_bytes && ::flock(*out, LOCK_EX | LOCK_NB) == 0) {
    struct stat named{};
    if (::lstat(file.c_str(), &named) == 0 && named.st_ino == written.st_ino &&
        named.st_dev == written.st_dev)
      (void)::rename(file.c_str(), older_log(file).c_str());
  }
}

}  // namespace medsynth
