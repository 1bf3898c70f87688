// A GGUF model in memory, run by llama.cpp.
#pragma once

#include <map>
#include <memory>
#include <tuple>

#include <llama.h>

#include "medsynth/inference/engine.h"
#include "medsynth/inference/llama/session.h"
#include "medsynth/inference/llama/tokens.h"
#include "medsynth/inference/turn.h"

namespace medsynth::inference::llama {

struct ModelDeleter {
  void operator()(llama_model* model) const { llama_model_free(model); }
};
using ModelPtr = std::unique_ptr<llama_model, ModelDeleter>;

class LlamaModel final : public Model {
 public:
  // With the context that its kind needs first: a language model's for scoring, a sentence model's for
  // embedding.
  static Result<std::shared_ptr<Model>> make(ModelPtr model, ModelInfo info, bool sentence, int threads);

  const ModelInfo& info() const override { return info_; }
  Result<std::vector<LabelScores>> score(std::span<const Prompt> prompts, std::span<const std::string> labels,
                                         const Until& until) override;
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts, const Until& until,
                                                std::vector<bool>* truncated) override;

 private:
  LlamaModel(ModelPtr model, ModelInfo info, bool sentence, int threads);

  // Of prompts and labels, as keys of what is kept.
  using ConstantKey = std::tuple<std::string, bool, std::vector<std::string>>;

  Result<> score_all(std::span<const PromptTokens* const> prompts, std::span<const Tokens> labels,
                     const Until& until, std::span<LabelScores* const> scores);
  Result<> score_together(std::span<const PromptTokens* const> prompts, std::size_t shared,
                          std::span<const Tokens> labels, const Until& until,
                          std::span<LabelScores* const> scores);
  // Leaves these tokens as the only ones in the scoring session's memory.
  Result<> keep_prefix(std::span<const llama_token> prefix, const Until& until);
  Error no_numbers() const;
  Result<> embed_together(std::span<const PromptTokens> texts, const Until& until,
                          std::vector<std::vector<float>>& out);
  Result<> open_scoring();
  Result<> open_embedding();

  const ModelPtr model_;
  ModelInfo info_;
  const bool sentence_;
  const int threads_;
  const Tokenizer tokenizer_;
  Turn turn_;  // guards the sessions
  std::unique_ptr<Session> scoring_;
  Tokens prefix_;  // what the scoring session has computed and kept
  std::map<ConstantKey, LabelScores> constants_;
  std::unique_ptr<Session> embedding_;  // a language model's is made at its first use
};

}  // namespace medsynth::inference::llama
