// Where the log of this machine's server is to be found: <data_dir>/medsynth.log. It is the log itself where standard
// error is a terminal, which keeps nothing; else a link that says where standard error leads: a file, "pipe:[1]",
// "socket:[2]", "/dev/null".
#pragma once

#include <filesystem>

#include "medsynth/base/settings.h"
#include "medsynth/cli/app.h"

namespace medsynth::cli {

std::filesystem::path log_file(const Settings& settings);

// On a terminal: what this process logs goes into the file too. Before other threads log.
void keep_log(const Settings& settings);

enum class Place { first, any };
// Makes the link, or takes the one away that is there. A server does so once it listens; a worker that no server started
// takes no other's place (`first`). Where the file cannot be written there is no log to be found, and that is all.
void publish_log(const Settings& settings, Place place);

void add_logs_command(CLI::App& app, Run& chosen);  // logs

}  // namespace medsynth::cli
