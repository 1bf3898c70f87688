// What a model file says about itself, and making model files: the parts of the runtime that read and write
// files without running a model. Thread safe. Behind it: llama/ (GGUF), or fake/ in builds without llama.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/models/placement.h"

namespace medsynth::inference {

struct ModelFacts {
  std::string architecture;  // "llama", "gpt2", "bert"
  bool sentence = false;     // no causal attention: it embeds, and cannot continue a text
  std::int64_t layers = 0;
  std::int64_t dimension = 0;
  std::int64_t feed_forward = 0;
  std::vector<std::int64_t> key_value_dimensions;  // of each layer, keys and values together
  std::int64_t vocabulary = 0;
  std::int64_t context = 0;  // tokens it was trained with
  std::uint64_t tensor_bytes = 0;
  std::string licence;                       // as its author wrote it; empty: it does not say
  std::vector<std::uint64_t> layer_bytes;    // of tensor_bytes, each layer's
  std::uint64_t input_bytes = 0;             // the same, embeddings of tokens and positions
  std::uint64_t tied_bytes = 0;              // of input_bytes: the output's weights as well
  bool inverse_layer_scale_applied = false;  // the marker of docs/biomedlm.md
};

// not_found: no such file; invalid_argument (reason "not_a_model"): not a model file, or one that ends before
// its tensors do; the message has the runtime's reason.
Result<ModelFacts> read_facts(const std::filesystem::path& path);

// BioMedLM divides each layer's attention scores by the layer's number, which the GPT-2 runtime does not:
// such a file gives wrong answers unless the division is already in its weights, and the marker says so.
// invalid_argument, reason "unfixed_biomedlm".
Result<> check_biomedlm(const ModelFacts& facts);

// Whether this machine has the library that runs the file: unavailable ("no_onnx_runtime") says how to get it.
Result<> check_runtime(const std::filesystem::path& path);

// The context to use: what is wanted, at most what the model was trained with; 0: the model's own, at most
// 4096 tokens.
std::int64_t choose_context(const ModelFacts& facts, std::int64_t wanted);

// Memory with that context, layer by layer: weights, keys and values (16 bits each), the tokenizer, and the
// buffers of a computation. With the CPU alone 1.06 and 1.11 times what was measured with the two demo models.
models::Footprint predict_footprint(const ModelFacts& facts, std::int64_t context);

// Writes a sentence model in Hugging Face's layout (config.json, vocab.txt, model.safetensors, of BERT's
// shape) as GGUF, 32-bit floats. `out` appears complete or not at all. invalid_argument says which file or
// tensor is not as expected.
Result<> convert_bert(const std::filesystem::path& folder, const std::filesystem::path& out);

}  // namespace medsynth::inference
