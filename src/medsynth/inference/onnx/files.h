// An entailment model as it lies on the disk: model.onnx with config.json and the files of its tokenizer beside it
// or, as hubs lay it out, one folder above. Thread safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/inference/onnx/labels.h"

namespace medsynth::inference::onnx {

bool is_onnx(const std::filesystem::path& file);  // by the ending of its name

// The model in a folder: model.onnx, or the only .onnx file, there or in its folder `onnx`. not_found: there is
// none; conflict: there are several, and none is called model.onnx.
Result<std::filesystem::path> find_model(const std::filesystem::path& folder);

struct ModelFolder {
  std::filesystem::path model;   // the .onnx file
  std::filesystem::path folder;  // of config.json and the tokenizer
  std::string family;            // model_type of config.json: "deberta-v2"; empty when it does not say
  Labels labels;
  std::int64_t context = 0;  // tokens of a pair
  std::uint64_t bytes = 0;   // of the model, with weights in files of their own

  // What belongs to it beside the .onnx file and exists: what a copy takes along.
  std::vector<std::filesystem::path> companions() const;
  std::uint64_t predicted = 0;  // bytes in memory: the weights, and the buffers of the largest computation
};

// Tokens computed together.
inline constexpr std::int64_t kTokensTogether = 1024;

// `labels` and `context` of the catalogue; empty and 0: as the model's own files say. not_found: no such file, or
// no tokenizer ("tokenizer_missing"); invalid_argument: not an ONNX file ("not_a_model"), "unknown_labels".
Result<ModelFolder> read_model_folder(const std::filesystem::path& model, std::string_view labels,
                                      std::int64_t context);

}  // namespace medsynth::inference::onnx
