// llama.cpp in this process: started once, its log going to ours.
#pragma once

#include <string>

namespace medsynth::inference::llama {

// Starts the runtime at the first call, which takes no time and no memory to speak of: enough to read files.
// Its messages are logged at debug level. Thread safe.
void start_runtime();

// Starts what computes as well, at the first call: the plug-ins of CPUs and GPUs with their drivers, which
// takes up to a second. Thread safe.
void load_backends();

// The first error that the runtime reported on this thread since the last call: the reason, where later ones
// only say what came of it. "" when there was none.
std::string take_error();

}  // namespace medsynth::inference::llama
