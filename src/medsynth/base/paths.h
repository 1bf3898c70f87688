// Where things are kept and what they are called, from the settings and the user's environment. The home
// folder is $HOME, else the password database's. Folders of the environment (HOME, XDG_*) that are not
// absolute are ignored, as the XDG base directory specification wants.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"

namespace medsynth {

// MEDSYNTH_DATA_DIR, else $XDG_DATA_HOME/medsynth, else ~/.local/share/medsynth; empty when there is no home
// folder either. Not made here.
std::filesystem::path data_dir(const Settings& settings,
                               const Environment& environment = process_environment);
// invalid_argument when that is empty: nothing may be kept then.
Result<> check_data_dir(const Settings& settings, const Environment& environment = process_environment);
// MEDSYNTH_MODELS_DIR, else <data_dir>/models.
std::filesystem::path models_dir(const Settings& settings);
// $XDG_CONFIG_HOME/medsynth/medsynth.toml, else ~/.config/medsynth/medsynth.toml; may be empty as data_dir().
std::filesystem::path settings_file(const Environment& environment = process_environment);
// $XDG_CACHE_HOME/medsynth, else ~/.cache/medsynth; may be empty as data_dir(). What scripts/setup fetched.
std::filesystem::path cache_dir(const Environment& environment = process_environment);
// The lib folder beside the folder that this program lies in.
std::filesystem::path program_lib_dir();
// The folders of a Python package in the environment that this program was installed into by pip.
std::vector<std::filesystem::path> python_package_dirs(std::string_view package);
// MEDSYNTH_HOST, else the machine's host name.
std::string host_name(const Settings& settings);
// Who numbers the processes here: this start of this kernel, and our PID namespace. Where two have the same
// text, a pid means the same process to both. Source: random(4), pid_namespaces(7).
std::string pids_here();
// MEDSYNTH_QUEUES, in order.
std::vector<std::string> queue_names(const Settings& settings);

}  // namespace medsynth
