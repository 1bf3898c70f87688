// The GPUs that llama.cpp can use, and how it is told which layers of a model lie on which.
#pragma once

#include <vector>

#include <llama.h>

#include "medsynth/models/placement.h"

namespace medsynth::inference::llama {

// One for each card, integrated ones only where there are no others; always the same, in the same order.
// Thread safe.
const std::vector<ggml_backend_dev_t>& gpus();
models::Device describe(ggml_backend_dev_t device);

// A placement in the runtime's words. Outlives the call that loads with the parameters that it has set.
class Offload {
 public:
  // internal: the placement names a device that there is not.
  static Result<Offload> of(const models::Placement& placement);
  void set(llama_model_params& params) const;

 private:
  std::vector<ggml_backend_dev_t> devices_;  // ends with null; none: the CPU alone
  std::vector<float> split_;                 // layers on each
  std::int32_t layers_ = 0;
};

}  // namespace medsynth::inference::llama
