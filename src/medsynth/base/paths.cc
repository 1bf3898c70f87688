#include "medsynth/base/paths.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace medsynth {
namespace {

std::filesystem::path user_folder(const std::string& variable, std::string_view below_home) {
  if (const auto folder = process_environment(variable); folder && !folder->empty()) return *folder;
  return std::filesystem::path(process_environment("HOME").value_or("/")) / below_home;
}

}  // namespace

std::filesystem::path data_dir(const Settings& settings) {
  if (!settings.data_dir.empty()) return settings.data_dir;
  return user_folder("XDG_DATA_HOME", ".local/share") / "medsynth";
}

std::filesystem::path models_dir(const Settings& settings) {
  return settings.models_dir.empty() ? data_dir(settings) / "models"
                                     : std::filesystem::path(settings.models_dir);
}

std::filesystem::path settings_file() {
  return user_folder("XDG_CONFIG_HOME", ".config") / "medsynth" / "medsynth.toml";
}

std::string pids_here() {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  std::error_code none;  // without /proc all hosts of a name count as one
  return boot + " " + std::filesystem::read_symlink("/proc/self/ns/pid", none).string();
}

std::string host_name(const Settings& settings) {
  if (!settings.host.empty()) return settings.host;
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

std::vector<std::string> queue_names(const Settings& settings) {
  std::vector<std::string> names;
  for (std::string_view rest = settings.queues; !rest.empty();) {
    std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (!name.empty()) names.emplace_back(name);
  }
  return names;
}

}  // namespace medsynth
