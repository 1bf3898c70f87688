// llama.cpp in this process: started once, its log going to ours.
#pragma once

#include <string>

namespace medsynth::inference::llama {

// Starts the runtime at the first call. Its messages are logged at debug level. Thread safe.
void start_runtime();

// The first error that the runtime reported on this thread since the last call: the reason, where later ones
// only say what came of it. "" when there was none.
std::string take_error();

}  // namespace medsynth::inference::llama
