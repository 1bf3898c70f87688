// Text as tokens. A prompt's own words never become special tokens; those of the chat template do. Thread
// safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <llama.h>

#include "medsynth/inference/engine.h"

namespace medsynth::inference::llama {

using Tokens = std::vector<llama_token>;

// What stands before and after the user's text in a chat template.
struct ChatParts {
  std::string before, after;
};

// The template of the model, split at the user's turn; nullopt when it has none, or one that llama.cpp cannot
// apply.
std::optional<ChatParts> read_chat_template(const llama_model* model);

struct PromptTokens {
  Tokens tokens;
  std::size_t shared = 0;  // tokens at the beginning that Prompt::shared and the template stand for
  bool truncated = false;
};

class Tokenizer {
 public:
  explicit Tokenizer(const llama_model* model);

  bool has_chat() const { return chat_.has_value(); }
  // At most `limit` tokens: a longer text loses its middle, the template around it stays.
  PromptTokens prompt(const Prompt& prompt, std::size_t limit) const;
  // As the continuation of a text.
  Tokens label(const std::string& label) const;
  // For embedding: with the model's own start and end tokens; a longer text loses its end.
  PromptTokens sentence(const std::string& text, std::size_t limit) const;

 private:
  Tokens tokenize(std::string_view text, bool add_special, bool parse_special) const;

  const llama_vocab* vocab_;
  std::optional<ChatParts> chat_;
};

}  // namespace medsynth::inference::llama
