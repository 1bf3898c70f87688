#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "medsynth/base/descriptor.h"
#include "medsynth/limits/limits.h"

namespace medsynth::limits {
namespace {

Error refused(const std::filesystem::path& path, std::string_view why) {
  return Error{Code::not_allowed,
               fmt::format("the runtime folder {} {}: set MEDSYNTH_RUNTIME_DIR to a folder of your own",
                           path.string(), why),
               "runtime_dir_refused"};
}

// Makes the folder, or takes one that is ours and that nobody else can write to. The mode of a folder that is
// there is left alone (it may be /tmp). Looked at through its descriptor, so that nobody exchanges it in
// between.
Result<std::filesystem::path> own(const std::filesystem::path& path, int no_follow) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return refused(path, fmt::format("cannot be made ({})", std::strerror(errno)));
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | no_follow));
  if (!folder) return refused(path, fmt::format("cannot be opened ({})", std::strerror(errno)));
  struct stat found{};
  const bool known = ::fstat(*folder, &found) == 0;
  const bool ours = known && found.st_uid == ::geteuid();
  const bool writable_by_others = known && (found.st_mode & 022) != 0;
  if (!ours) return refused(path, "belongs to another user");
  if (writable_by_others) return refused(path, "can be written by other users");
  return path;
}

}  // namespace

Result<std::filesystem::path> runtime_dir(const std::string& setting) {
  if (!setting.empty()) {
    std::error_code ignored;  // own() says what is wrong
    std::filesystem::create_directories(std::filesystem::path(setting).parent_path(), ignored);
    return own(setting, 0);
  }
  const std::filesystem::path run = "/run/medsynth";
  const bool exists = ::access(run.c_str(), F_OK) == 0;
  if (::access(exists ? run.c_str() : "/run", W_OK) == 0) return own(run, O_NOFOLLOW);
  return own(fmt::format("/dev/shm/medsynth-{}", ::geteuid()), O_NOFOLLOW);
}

}  // namespace medsynth::limits
