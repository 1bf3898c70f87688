// What a model can do for us, whoever runs it: score labels after a prompt, embed texts, say whether one text
// follows from another. The runtimes behind it are llama.cpp in process (inference/llama/, the only files that
// include llama.h) for GGUF files and ONNX Runtime (inference/onnx/) for .onnx files or, in builds for the
// thread sanitizer, a fake with the same contract.
//
// An Engine is thread safe; a Model serves one call at a time and queues the others inside.
//
//   BOOST_OUTCOME_TRY(auto model, engine.load({.path = file, .name = "biomedlm", .threads = 2}));
//   const std::array prompts{Prompt{.text = question, .chat = model->info().chat}};
//   const std::array<std::string, 2> labels{" yes", " no"};
//   BOOST_OUTCOME_TRY(auto scores, model->score(prompts, labels, {.deadline = end}));
//   // scores[0].log_probs: of " yes", of " no"
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"
#include "medsynth/models/cache.h"
#include "medsynth/models/placement.h"

namespace medsynth::inference {

// When to give up: at the deadline (`timeout`) or when asked to (`cancelled`); both are noticed within one
// decode step.
struct Until {
  std::stop_token stop = {};
  SteadyTime deadline = SteadyTime::max();
};

struct LoadOptions {
  std::filesystem::path path;
  std::string name;    // of the catalogue
  std::string sha256;  // of the catalogue; checked once per file and time stamp when not empty
  int threads = 1;
  std::string labels = "";           // of the catalogue: of an entailment model, in the order of its outputs
  std::int64_t context = 0;          // tokens; 0: the model's own, at most 4096
  models::Placement placement = {};  // of its layers; all with the CPU, where it says nothing
  std::function<void(double)> progress = {};  // 0..1, on the thread that loads
  std::stop_token stop = {};
};

struct ModelInfo {
  std::string id;      // name in the catalogue
  std::string digest;  // sha256 of the file
  // "llama 256M Q4_1": architecture, size class, weights; on a GPU ", 31 of 33 layers on GPU 0" as well.
  std::string description;
  std::int64_t context = 0;    // tokens
  std::int64_t dimension = 0;  // of embeddings
  std::uint64_t parameters = 0;
  std::uint64_t size_bytes = 0;
  bool chat = false;              // it has a chat template that we can apply
  std::string kind = "language";  // language | sentence | entailment
};
BOOST_DESCRIBE_STRUCT(ModelInfo, (),
                      (id, digest, description, context, dimension, parameters, size_bytes, chat, kind))

// A text to continue. `text` is only ever text: names of special tokens in it ("<|im_end|>") do not become
// tokens, so a claim cannot end its own turn. `chat`: the model puts it into its chat template as one user
// turn and opens the assistant's turn; without a template (ModelInfo::chat) the text stands alone.
struct Prompt {
  std::string text;
  bool chat = false;
  // Bytes at the beginning of `text` that the prompts of many calls have in common: they are computed once
  // and kept while the model is loaded. What was asked before never shows in the scores.
  std::size_t shared = 0;
  // This very prompt comes in many calls with the same labels: it is scored once, by itself, and the scores
  // are kept while the model is loaded.
  bool constant = false;
};

// Scores of the labels after one prompt.
struct LabelScores {
  // Natural logarithm of each label's probability after the prompt, all its tokens summed.
  std::vector<double> log_probs;
  double label_mass = 0;    // sum of those probabilities: near 0, the model is not answering the question
  bool truncated = false;   // the prompt was longer than the context and its text lost its middle
  std::int64_t tokens = 0;  // of the prompt
};

// Two texts, of which the second may follow from the first.
struct TextPair {
  std::string premise, hypothesis;
};

// How they stand to each other: natural logarithms of the three probabilities, which sum to 1. A model without
// a label for it has -infinity at `neutral`.
struct Entailment {
  double entailment = 0, neutral = 0, contradiction = 0;
  bool truncated = false;   // the longer text lost its end, as both were longer than the context
  std::int64_t tokens = 0;  // of the pair
};

class Model : public models::Loaded {
 public:
  virtual const ModelInfo& info() const = 0;
  // One result per prompt, all prompts in one batch where they fit (but the constant ones). A label continues
  // the prompt as it is written: the caller decides about a leading space. invalid_argument: no prompt or
  // label, an empty one, or a sentence model (reason "not_a_language_model"); timeout, cancelled: see Until;
  // the model stays usable after every error.
  virtual Result<std::vector<LabelScores>> score(std::span<const Prompt> prompts,
                                                 std::span<const std::string> labels, const Until& until) = 0;
  // Mean-pooled embeddings, L2-normalised, one per text, info().dimension floats each. Text beyond the
  // context (of a language model: beyond 512 tokens) is cut; `truncated`, when given, says for which. Empty
  // text is invalid_argument.
  virtual Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts,
                                                        const Until& until,
                                                        std::vector<bool>* truncated = nullptr) = 0;
  // One result per pair; pairs of the same number of tokens are computed together. invalid_argument: no pair,
  // an empty text, or not an entailment model (reason "not_an_entailment_model"); internal
  // ("not_a_number"): the model gave NaN or infinite numbers; timeout, cancelled: see Until. The model stays
  // usable after every error.
  virtual Result<std::vector<Entailment>> entail(std::span<const TextPair> pairs, const Until& until);
};

class Engine {
 public:
  virtual ~Engine() = default;
  // not_found: no such file; unavailable ("no_onnx_runtime"): the library that runs such files is not on this
  // machine; invalid_argument: not a model file ("not_a_model"), labels whose order is not known
  // ("unknown_labels"), wrong digest
  // ("wrong_digest"), or a GPT-2 file of BioMedLM's shape without the inverse-layer-scale marker
  // ("unfixed_biomedlm"); exhausted ("no_memory"): it does not fit; cancelled.
  virtual Result<std::shared_ptr<Model>> load(const LoadOptions& options) = 0;
  // What a loaded model will take (weights, and context), without loading it; errors as of load().
  virtual Result<models::Footprint> footprint(const LoadOptions& options) = 0;
  // The GPUs that models can lie on, always in the same order, with their memory as it is now. Blocks while
  // drivers answer; the first call starts them (a second), and none is made before a model is wanted.
  virtual std::vector<models::Device> devices() = 0;
};

std::unique_ptr<Engine> make_engine();  // the one this build has

}  // namespace medsynth::inference
