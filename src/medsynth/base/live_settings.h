// Settings that are read again while a process runs: which of them count at once, and which wait for a restart.
//
//   LiveSettings live(settings, [flags] { return read_settings(flags); });
//   if (const Settings* now = live.read_again()) limiter.set_limits(...);
//
// Not thread safe: the thread that waits for signals has it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"

namespace medsynth {

// What load_settings() makes of flags, the process's environment and the settings file as they are now. The file is
// that of the flag "config", which must be there (not_found, reason "no_settings_file"), else settings_file(), which need not.
Result<LoadedSettings> read_settings(const std::map<std::string, std::string, std::less<>>& flags);

// The names of settings that differ, in the order of the table. Pure.
struct SettingChanges {
  std::vector<std::string> live;        // count at once
  std::vector<std::string> on_restart;  // wait for one
};
SettingChanges changes(const Settings& running, const Settings& read);

class LiveSettings {
 public:
  using Read = std::function<Result<LoadedSettings>()>;
  // `read` reads flags, environment and file again; without one, read_again() has nothing to read.
  LiveSettings(const Settings& started, Read read) : running_(started), read_(std::move(read)) {}

  // Logs what changed, and what needs a restart. Gives what counts from now on: what was running, with the live
  // settings that were read. Null where nothing is to be applied: the new ones are wrong (an error is logged, and all
  // stays as it was), or no live setting differs.
  const Settings* read_again();

 private:
  Settings running_;
  const Read read_;
};

}  // namespace medsynth
