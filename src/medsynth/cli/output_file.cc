#include "medsynth/cli/output_file.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

namespace medsynth::cli {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

std::error_code last_error() {
  return {errno != 0 ? errno : EIO, std::generic_category()};
}

}  // namespace

Result<> check_output_file(std::string_view flag, const std::string& path) {
  std::error_code ignored;
  if (path.empty()) return invalid(std::string(flag), "must be the path of a file");
  if (fs::is_directory(path, ignored))
    return invalid(std::string(flag), fmt::format("'{}' is a folder: name a file in it", path));
  const fs::path folder = folder_of(path);
  if (!fs::is_directory(folder, ignored))
    return invalid(std::string(flag), fmt::format("there is no folder '{}': make it first", folder.string()));
  const bool there = fs::exists(path, ignored);
  if (access((there ? fs::path(path) : folder).c_str(), W_OK) != 0)
    return invalid(std::string(flag), fmt::format("'{}' may not be written to ({}): name another file", path,
                                                  last_error().message()));
  return success();
}

Result<> write_output_file(const std::string& path, std::string_view bytes) {
  std::error_code error;
  const bool replaces = !fs::exists(path, error) || fs::is_regular_file(path, error);
  const fs::path part = replaces ? fs::path(fmt::format("{}.{}.part", path, getpid())) : fs::path(path);
  error.clear();
  errno = 0;
  std::ofstream out(part, std::ios::binary);
  out << bytes;
  out.close();
  if (!out) error = last_error();
  if (!error && replaces) fs::rename(part, path, error);
  if (!error) return success();
  std::error_code ignored;
  if (replaces) fs::remove(part, ignored);
  return Error{Code::unavailable, fmt::format("{} could not be written: {}", path, error.message()),
               "not_written"};
}

}  // namespace medsynth::cli
