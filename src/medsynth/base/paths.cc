#include "medsynth/base/paths.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

namespace medsynth {
namespace {

namespace fs = std::filesystem;

// As the password database has it; empty for a user who is not in it (a container's odd user id).
fs::path home_in_database() {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
  return found && found->pw_dir ? fs::path(found->pw_dir) : fs::path();
}

// Empty when nobody says which. A relative folder would be another one for each process that starts
// elsewhere.
fs::path user_folder(std::string_view variable, std::string_view below_home, const Environment& environment) {
  const auto absolute = [&](std::string_view name) {
    const fs::path folder = environment(std::string(name)).value_or("");
    return folder.is_absolute() ? folder : fs::path();
  };
  if (fs::path folder = absolute(variable); !folder.empty()) return folder / "medsynth";
  fs::path home = absolute("HOME");
  if (home.empty()) home = home_in_database();
  return home.is_absolute() ? home / below_home / "medsynth" : fs::path();
}

}  // namespace

fs::path data_dir(const Settings& settings, const Environment& environment) {
  if (!settings.data_dir.empty()) return settings.data_dir;
  return user_folder("XDG_DATA_HOME", ".local/share", environment);
}

Result<> check_data_dir(const Settings& settings, const Environment& environment) {
  if (!data_dir(settings, environment).empty()) return success();
  return invalid(
      "MEDSYNTH_DATA_DIR",
      fmt::format("is not set, and there is no home folder to keep data in: HOME is no absolute path "
                  "and user id {} is not in the password database. Set MEDSYNTH_DATA_DIR",
                  geteuid()));
}

fs::path models_dir(const Settings& settings) {
  if (!settings.models_dir.empty()) return settings.models_dir;
  const fs::path data = data_dir(settings);
  return data.empty() ? data : data / "models";
}

fs::path settings_file(const Environment& environment) {
  const fs::path folder = user_folder("XDG_CONFIG_HOME", ".config", environment);
  return folder.empty() ? folder : folder / "medsynth.toml";
}

fs::path cache_dir(const Environment& environment) {
  return user_folder("XDG_CACHE_HOME", ".cache", environment);
}

fs::path program_lib_dir() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "lib";
}

std::vector<fs::path> python_package_dirs(std::string_view package) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const fs::directory_entry& python : fs::directory_iterator(program_lib_dir(), error))
    if (fs::path folder = python.path() / "site-packages" / package; fs::is_directory(folder, error))
      found.push_back(std::move(folder));
  return found;
}

std::string pids_here() {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  std::error_code none;  // without /proc all hosts of a name count as one
  return boot + " " + fs::read_symlink("/proc/self/ns/pid", none).string();
}

std::string host_name(const Settings& settings) {
  if (!settings.host.empty()) return settings.host;
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

std::vector<std::string> queue_names(const Settings& settings) {
  return listed(settings.queues);
}

}  // namespace medsynth
