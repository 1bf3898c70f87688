// medsynth serve: the API, its workers and its Redis, from start to orderly end.
#pragma once

#include <string>
#include <vector>

#include "medsynth/base/settings.h"

namespace medsynth::cli {

// Runs until a signal that ends it (base/signals.h); those must be blocked. What can be refused without
// waiting is refused first: address, port, limits of this process. `worker_command` starts one worker. Prints
// "listening on http://HOST:PORT" to stdout once it listens. Gives the exit code.
int serve(const LoadedSettings& loaded, std::vector<std::string> worker_command);

}  // namespace medsynth::cli
