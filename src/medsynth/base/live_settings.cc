#include "medsynth/base/live_settings.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/base/described.h"
#include "medsynth/base/log.h"
#include "medsynth/base/paths.h"

namespace medsynth {
namespace {

// Calls visit(setting, pointer to its member), for each.
template <class Visit>
void for_each_setting(Visit&& visit) {
  described::for_each_member<Settings>([&](std::string_view name, auto member) {
    if (name.ends_with('_')) name.remove_suffix(1);
    for (const Setting& setting : settings_table())
      if (setting.name == name) visit(setting, member);
  });
}

}  // namespace

SettingChanges changes(const Settings& running, const Settings& read) {
  SettingChanges found;
  for_each_setting([&](const Setting& setting, auto member) {
    if (running.*member != read.*member)
      (setting.live ? found.live : found.on_restart).emplace_back(setting.name);
  });
  return found;
}

Result<LoadedSettings> read_settings(const std::map<std::string, std::string, std::less<>>& flags) {
  const auto given = flags.find("config");
  const std::filesystem::path path =
      given == flags.end() ? settings_file() : std::filesystem::path(given->second);
  std::ostringstream text;
  if (std::ifstream file(path); file)
    text << file.rdbuf();
  else if (given != flags.end())
    return Error{Code::not_found, fmt::format("settings file {} cannot be read", path.string()),
                 "no_settings_file"};
  return load_settings(flags, process_environment, text.str());
}

const Settings* LiveSettings::read_again() {
  if (!read_) {
    log::warning("there are no settings to read again: those of this program are its environment's");
    return nullptr;
  }
  const auto read = read_();
  if (!read) {
    log::error("the settings stay as they were", {{"why", read.error().message}});
    return nullptr;
  }
  const SettingChanges found = changes(running_, read->settings);
  log::info("settings read again", {{"changed", fmt::format("{}", fmt::join(found.live, ", "))},
                                    {"need_restart", fmt::format("{}", fmt::join(found.on_restart, ", "))}});
  for_each_setting([&](const Setting& setting, auto member) {
    if (setting.live) running_.*member = read->settings.*member;
  });
  return found.live.empty() ? nullptr : &running_;
}

}  // namespace medsynth
