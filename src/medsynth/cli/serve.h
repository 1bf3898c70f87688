// medsynth serve: the API, its workers and its Redis, from start to orderly end.
#pragma once

#include <string>
#include <vector>

#include "medsynth/base/settings.h"

namespace medsynth::cli {

// Runs until SIGTERM or SIGINT; SIGTERM, SIGINT and SIGCHLD must be blocked. `worker_command` starts one
// worker. Prints "listening on http://HOST:PORT" to stdout once it listens. Gives the exit code.
int serve(const Settings& settings, std::vector<std::string> worker_command);

}  // namespace medsynth::cli
