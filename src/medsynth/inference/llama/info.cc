#include <ggml-backend.h>

#include "medsynth/inference/llama/runtime.h"
#include "medsynth/inference/runtime_info.h"

namespace medsynth::inference {

RuntimeInfo runtime_info() {
  llama::load_backends();
  RuntimeInfo info{MEDSYNTH_LLAMA_VERSION, MEDSYNTH_LLAMA_COMMIT, {}};
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i)
    info.backends.emplace_back(ggml_backend_dev_name(ggml_backend_dev_get(i)));
  return info;
}

}  // namespace medsynth::inference
