// Which runtime this program was built with. Thread safe.
#pragma once

#include <string>
#include <vector>

namespace medsynth::inference {

struct RuntimeInfo {
  std::string name;                   // "llama.cpp 0.5.0-dev (llama-cpp-python 0.3.36)"
  std::string commit;                 // of its source; empty when its build did not know
  std::vector<std::string> backends;  // "CPU", "CUDA0", that it finds on this machine
};
// Starts the runtime at the first call.
RuntimeInfo runtime_info();

}  // namespace medsynth::inference
