#include "medsynth/cli/log_place.h"

#include <unistd.h>

#include <string>
#include <system_error>

#include "medsynth/base/id.h"
#include "medsynth/base/log_file.h"
#include "medsynth/base/paths.h"

namespace medsynth::cli {
namespace {

namespace fs = std::filesystem;

void link_log(const fs::path& file, const fs::path& target) {
  std::error_code error;
  const bool is_file = fs::is_regular_file(fs::symlink_status(file, error));
  if (is_file && fs::equivalent(file, target, error)) return;  // it is the log already
  if (is_file) fs::rename(file, older_log(file), error);
  const fs::path link = file.string() + "." + new_uuid();
  fs::create_symlink(target, link, error);
  if (error) return;
  fs::rename(link, file, error);
  if (error) fs::remove(link, error);
}

}  // namespace

fs::path log_file(const Settings& settings) {
  return data_dir(settings) / "medsynth.log";
}

void keep_log(const Settings& settings) {
  if (isatty(STDERR_FILENO) != 0) log::keep_in(log_file(settings));
}

void publish_log(const Settings& settings, Place place) {
  const fs::path file = log_file(settings);
  std::error_code error;
  const fs::file_status there = fs::symlink_status(file, error);
  if (place == Place::first && fs::exists(there)) return;
  if (fs::create_directories(file.parent_path(), error))
    fs::permissions(file.parent_path(), fs::perms::owner_all, error);
  if (isatty(STDERR_FILENO) != 0) {
    if (fs::is_symlink(there)) fs::remove(file, error);
    return;
  }
  const fs::path target = fs::read_symlink("/proc/self/fd/2", error);
  if (!error) link_log(file, target);
}

}  // namespace medsynth::cli
