// Of builds without ONNX Runtime's header.
#include "medsynth/inference/onnx/engine.h"
#include "medsynth/inference/onnx/files.h"
#include "medsynth/inference/onnx/find_runtime.h"

namespace medsynth::inference::onnx {

Result<std::shared_ptr<Model>> load(const LoadOptions&) {
  return Error{Code::unavailable, "this build of Medsynth runs no .onnx models: build it after scripts/setup",
               "no_onnx_runtime"};
}

Result<models::Footprint> footprint(const LoadOptions& options) {
  BOOST_OUTCOME_TRY(const auto folder, read_model_folder(options.path, options.labels, options.context));
  return models::Footprint{.host = folder.predicted};
}

}  // namespace medsynth::inference::onnx
