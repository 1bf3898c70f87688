// ONNX Runtime's C library, loaded when a model needs it: nothing of it is linked. Thread safe.
#pragma once

#include <onnxruntime_c_api.h>

#include <memory>
#include <string>

#include "medsynth/base/error.h"

namespace medsynth::inference::onnx {

struct Runtime {
  const OrtApi* api = nullptr;
  OrtEnv* environment = nullptr;
  std::string version;
};

// The one of this process, loaded at the first call that finds it. unavailable ("no_onnx_runtime"): there is none,
// or it is too old.
Result<const Runtime*> runtime();

// Success, or what the runtime says.
Result<> check(const OrtApi& api, OrtStatus* status);

// The runtime's objects, each released by its own function.
template <class T>
struct Released {
  void (*release)(T*) = nullptr;
  void operator()(T* object) const { release(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Released<T>>;

}  // namespace medsynth::inference::onnx
