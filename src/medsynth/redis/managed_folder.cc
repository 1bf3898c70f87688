#include "medsynth/redis/managed_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "medsynth/base/private_file.h"

namespace medsynth::redis {
namespace {

namespace fs = std::filesystem;

Error unsafe(const fs::path& path, std::string_view why) {
  return {Code::unavailable,
          fmt::format("{} {}; choose another data folder, or remove it", path.native(), why),
          "redis_folder_unsafe"};
}

constexpr std::string_view kLink = "is a symbolic link, which a managed Redis does not follow";

Result<> check_own(const fs::path& path) {
  struct stat about{};
  if (::lstat(path.c_str(), &about) != 0) {
    if (errno == ENOENT) return success();  // a temporary file of a child that outlives a killed server
    return system_failure("read", path);
  }
  if (S_ISLNK(about.st_mode)) return unsafe(path, kLink);
  if (about.st_uid != ::geteuid()) return unsafe(path, "belongs to another user");
  const bool ordinary = S_ISREG(about.st_mode) || S_ISDIR(about.st_mode) || S_ISSOCK(about.st_mode);
  if (!ordinary) return unsafe(path, "is no ordinary file");
  return success();
}

}  // namespace

Error system_failure(std::string_view what, const fs::path& path) {
  return {Code::unavailable, fmt::format("Cannot {} {}: {}", what, path.native(), std::strerror(errno)),
          "redis_not_started"};
}

Result<> make_managed_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return system_failure("create", folder);
  BOOST_OUTCOME_TRY(check_own(folder));
  if (!fs::is_directory(folder, error)) return unsafe(folder, "is no folder");
  if (::chmod(folder.c_str(), 0700) != 0) return system_failure("protect", folder);
  return success();
}

Result<> check_managed_folder(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator each(folder, error); !error && each != end(each);
       each.increment(error)) {
    BOOST_OUTCOME_TRY(check_own(each->path()));
  }
  if (!error) return success();
  return Error{Code::unavailable, fmt::format("Cannot read {}: {}", folder.native(), error.message()),
               "redis_not_started"};
}

Result<Descriptor> open_own(const fs::path& path, int flags) {
  Descriptor fd(::open(path.c_str(), flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return errno == ELOOP ? unsafe(path, kLink) : system_failure("open", path);
  return fd;
}

Result<> write_own(const fs::path& path, std::string_view text) {
  const std::error_code error = write_private_file(path, text);
  if (!error) return success();
  errno = error.value();
  return system_failure("write", path);
}

}  // namespace medsynth::redis
