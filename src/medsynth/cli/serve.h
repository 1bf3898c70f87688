// medsynth serve: the API, its workers and its Redis, from start to orderly end.
#pragma once

#include <string>
#include <vector>

#include "medsynth/base/live_settings.h"

namespace medsynth::cli {

// Runs until a signal that ends it (base/signals.h); those must be blocked. What can be refused without
// waiting is refused first: address, port, limits of this process. `worker_command` starts one worker. Prints
// "listening on http://HOST:PORT" to stdout once it listens. `read_settings` is called when a reload is asked for.
// Gives the exit code.
int serve(const LoadedSettings& loaded, LiveSettings::Read read_settings,
          std::vector<std::string> worker_command);

}  // namespace medsynth::cli
