// What a model file says about itself, and making model files: the parts of the runtime that read and write
// files without running a model. Thread safe. Behind it: llama/ (GGUF), or fake/ in builds without llama.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "medsynth/base/error.h"

namespace medsynth::inference {

struct ModelFacts {
  std::string architecture;  // "llama", "gpt2", "bert"
  bool sentence = false;     // no causal attention: it embeds, and cannot continue a text
  std::int64_t layers = 0;
  std::int64_t dimension = 0;
  std::int64_t feed_forward = 0;
  std::int64_t key_value_dimension = 0;  // of one layer, keys and values together
  std::int64_t vocabulary = 0;
  std::int64_t context = 0;  // tokens it was trained with
  std::uint64_t tensor_bytes = 0;
  bool inverse_layer_scale_applied = false;  // the marker of docs/biomedlm.md
};

// not_found: no such file; invalid_argument (reason "not_a_model"): not a model file, or one that ends before
// its tensors do; the message has the runtime's reason.
Result<ModelFacts> read_facts(const std::filesystem::path& path);

// BioMedLM divides each layer's attention scores by the layer's number, which the GPT-2 runtime does not:
// such a file gives wrong answers unless the division is already in its weights, and the marker says so.
// invalid_argument, reason "unfixed_biomedlm".
Result<> check_biomedlm(const ModelFacts& facts);

// The context to use: what is wanted, at most what the model was trained with; 0: the model's own, at most
// 4096 tokens.
std::int64_t choose_context(const ModelFacts& facts, std::int64_t wanted);

// Bytes in memory with that context: weights, keys and values (16 bits each), the tokenizer, and the buffers
// of a computation. 1.06 and 1.11 times what was measured with the two demo models.
std::uint64_t predict_bytes(const ModelFacts& facts, std::int64_t context);

// Writes a sentence model in Hugging Face's layout (config.json, vocab.txt, model.safetensors, of BERT's
// shape) as GGUF, 32-bit floats. `out` appears complete or not at all. invalid_argument says which file or
// tensor is not as expected.
Result<> convert_bert(const std::filesystem::path& folder, const std::filesystem::path& out);

}  // namespace medsynth::inference
