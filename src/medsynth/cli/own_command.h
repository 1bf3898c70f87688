// This program, as a command that starts another process of it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"

namespace medsynth::cli {

// `command` with flags for these settings, by name as LoadedSettings::flags has them: it loads the same
// settings from the same places. Everybody on the machine can read a command line, so what is secret goes by
// the environment, which is changed: call it before threads start. internal: the program's file is not found.
Result<std::vector<std::string>> own_command(std::string_view command,
                                             const std::map<std::string, std::string, std::less<>>& flags);

}  // namespace medsynth::cli
