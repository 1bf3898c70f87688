#include "medsynth/inference/onnx/runtime.h"

#include <dlfcn.h>

#include <mutex>

#include <fmt/format.h>

#include "medsynth/inference/onnx/find_runtime.h"

namespace medsynth::inference::onnx {
namespace {

Result<Runtime> load() {
  BOOST_OUTCOME_TRY(const auto path, find_runtime());
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // for as long as the process lives
  if (!library) return no_runtime(::dlerror());
  const auto base = reinterpret_cast<const OrtApiBase* (*)()>(::dlsym(library, "OrtGetApiBase"));
  if (!base) return no_runtime(fmt::format("{} is another library", path.string()));
  Runtime runtime{.api = base()->GetApi(ORT_API_VERSION), .version = base()->GetVersionString()};
  if (!runtime.api)
    return no_runtime(fmt::format("{} is version {}; 1.{} or later is needed", path.string(), runtime.version,
                                  ORT_API_VERSION));
  // What it would write to the terminal is in its errors, too.
  const OrtLoggingFunction silent = [](void*, OrtLoggingLevel, const char*, const char*, const char*,
                                       const char*) {};
  BOOST_OUTCOME_TRY(
      check(*runtime.api, runtime.api->CreateEnvWithCustomLogger(silent, nullptr, ORT_LOGGING_LEVEL_FATAL,
                                                                 "medsynth", &runtime.environment)));
  return runtime;
}

}  // namespace

Result<const Runtime*> runtime() {
  static std::mutex mutex;
  static const Runtime* known = nullptr;  // never destroyed: threads may still run models at exit
  const std::lock_guard lock(mutex);
  if (known) return known;
  BOOST_OUTCOME_TRY(auto loaded, load());
  known = new Runtime(std::move(loaded));
  return known;
}

Result<> check(const OrtApi& api, OrtStatus* status) {
  if (!status) return success();
  const Owned<OrtStatus> owner(status, {api.ReleaseStatus});
  return Error{Code::internal, fmt::format("ONNX Runtime failed: {}", api.GetErrorMessage(status)),
               "inference_failed"};
}

}  // namespace medsynth::inference::onnx
