#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "medsynth/cli/doctor/look.h"

namespace medsynth::cli::doctor {
namespace {

namespace fs = std::filesystem;

std::optional<std::int64_t> number_in(const fs::path& file) {
  std::string text;
  std::getline(std::ifstream(file), text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;  // "max" is none
}

// Threads of this user, which RLIMIT_NPROC counts.
std::int64_t threads_of_user() {
  std::int64_t threads = 0;
  std::error_code none;
  for (fs::directory_iterator each("/proc", none), end; !none && each != end; each.increment(none)) {
    struct stat about{};
    if (::stat(each->path().c_str(), &about) != 0 || about.st_uid != ::geteuid()) continue;
    std::ifstream status(each->path() / "status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("Threads:")) threads += std::strtoll(line.c_str() + 8, nullptr, 10);
  }
  return threads;
}

// The groups of this process and those above them, as /proc/self/cgroup names them: "0::/a/b" of version 2,
// "7:pids:/a/b" of version 1.
std::int64_t left_in_groups() {
  std::int64_t left = kUnlimited;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers != "pids") continue;
    const fs::path root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
    for (fs::path group = line.substr(second + 1);; group = group.parent_path()) {
      const fs::path folder = root / group.relative_path();
      const auto most = number_in(folder / "pids.max"), now = number_in(folder / "pids.current");
      if (most && now) left = std::min(left, std::max<std::int64_t>(0, *most - *now));
      if (group == group.parent_path()) break;
    }
  }
  return left;
}

}  // namespace

Seen<std::int64_t> processes_left() {
  rlimit most{};
  if (::getrlimit(RLIMIT_NPROC, &most) != 0) return Seen<std::int64_t>::hidden(std::strerror(errno));
  const bool bound = most.rlim_cur != RLIM_INFINITY && ::geteuid() != 0;  // root is not held to it
  const std::int64_t by_user =
      bound ? std::max<std::int64_t>(0, static_cast<std::int64_t>(most.rlim_cur) - threads_of_user())
            : kUnlimited;
  return std::min(by_user, left_in_groups());
}

}  // namespace medsynth::cli::doctor
