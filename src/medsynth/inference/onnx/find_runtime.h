// Where ONNX Runtime's library is. Thread safe.
#pragma once

#include <filesystem>
#include <string>

#include "medsynth/base/error.h"

namespace medsynth::inference::onnx {

// In this order: beside the program's own libraries, in the Python environment that the program belongs to (the
// package onnxruntime), in the cache folder that scripts/setup fills, where the system's loader looks (a name without
// a folder then; LD_LIBRARY_PATH counts). unavailable ("no_onnx_runtime") says how to get it.
Result<std::filesystem::path> find_runtime();

// Of a build without it, or a machine.
Error no_runtime(const std::string& why);

}  // namespace medsynth::inference::onnx
