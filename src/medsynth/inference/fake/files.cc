// Model files of builds without llama.cpp: any file that is not empty; one with "minilm" in its name is a
// sentence model.
#include "medsynth/inference/model_file.h"

namespace medsynth::inference {

Result<ModelFacts> read_facts(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    return Error{Code::not_found, "there is no model file " + path.string(), "model_file_not_found"};
  const auto size = std::filesystem::file_size(path, error);
  if (size == 0 || error) return Error{Code::invalid_argument, path.string() + " is empty", "not_a_model"};
  const bool sentence = path.filename().string().find("minilm") != std::string::npos;
  return ModelFacts{.architecture = "fake",
                    .sentence = sentence,
                    .dimension = 64,
                    .key_value_dimensions = {},
                    .context = 2048,
                    .tensor_bytes = size,
                    .layer_bytes = {}};
}

Result<> convert_bert(const std::filesystem::path&, const std::filesystem::path&) {
  return Error{Code::unavailable, "this build has no llama.cpp, which writes model files", ""};
}

}  // namespace medsynth::inference
