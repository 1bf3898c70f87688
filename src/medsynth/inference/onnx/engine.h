// Loading entailment models with ONNX Runtime: what inference::Engine does for .onnx files. Thread safe.
#pragma once

#include <memory>

#include "medsynth/inference/engine.h"

namespace medsynth::inference::onnx {

Result<std::shared_ptr<Model>> load(const LoadOptions& options);
Result<models::Footprint> footprint(const LoadOptions& options);

}  // namespace medsynth::inference::onnx
