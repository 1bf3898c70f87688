#include "medsynth/inference/llama/tokens.h"

#include <algorithm>
#include <array>

namespace medsynth::inference::llama {
namespace {

// Stands for the user's text while the template is applied. No template changes it: plain ASCII without outer
// spaces.
constexpr std::string_view kPlace = "{medsynth:text}";

}  // namespace

std::optional<ChatParts> read_chat_template(const llama_model* model) {
  const char* name = llama_model_chat_template(model, nullptr);
  if (!name) return std::nullopt;
  const std::string place(kPlace);
  const std::array turns{llama_chat_message{.role = "user", .content = place.c_str()}};
  std::string text(1024, '\0');
  const auto apply = [&] {
    return llama_chat_apply_template(name, turns.data(), turns.size(), true, text.data(),
                                     static_cast<std::int32_t>(text.size()));
  };
  std::int32_t size = apply();
  if (size > static_cast<std::int32_t>(text.size())) {
    text.resize(static_cast<std::size_t>(size));
    size = apply();
  }
  if (size < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(size));
  const std::size_t at = text.find(kPlace);
  if (at == std::string::npos) return std::nullopt;
  return ChatParts{text.substr(0, at), text.substr(at + kPlace.size())};
}

Tokenizer::Tokenizer(const llama_model* model)
    : vocab_(llama_model_get_vocab(model)), chat_(read_chat_template(model)) {}

Tokens Tokenizer::tokenize(std::string_view text, bool add_special, bool parse_special) const {
  Tokens tokens(text.size() + 2);
  const auto run = [&] {
    return llama_tokenize(vocab_, text.data(), static_cast<std::int32_t>(text.size()), tokens.data(),
                          static_cast<std::int32_t>(tokens.size()), add_special, parse_special);
  };
  std::int32_t count = run();
  if (count < 0) {
    tokens.resize(static_cast<std::size_t>(-count));
    count = run();
  }
  tokens.resize(static_cast<std::size_t>(std::max(count, 0)));
  return tokens;
}

PromptTokens Tokenizer::prompt(const Prompt& prompt, std::size_t limit) const {
  Tokens before, after;
  if (llama_vocab_get_add_bos(vocab_)) before.push_back(llama_vocab_bos(vocab_));
  if (prompt.chat && chat_) {
    const Tokens opening = tokenize(chat_->before, false, true);
    before.insert(before.end(), opening.begin(), opening.end());
    after = tokenize(chat_->after, false, true);
  }
  PromptTokens out;
  Tokens text = tokenize(prompt.text, false, false);
  if (prompt.shared > 0) {
    // The last word of the shared text may be another token when something follows it.
    const Tokens common = tokenize(std::string_view(prompt.text).substr(0, prompt.shared), false, false);
    const auto end = std::mismatch(common.begin(), common.end(), text.begin(), text.end()).first;
    out.shared = before.size() + static_cast<std::size_t>(end - common.begin());
  }
  const std::size_t around = before.size() + after.size();
  if (around + text.size() > limit) {
    out.truncated = true;
    const std::size_t keep = limit > around ? limit - around : 0;
    out.shared = std::min(out.shared, before.size() + keep / 2);
    // The question stands at the end of a prompt: the larger half stays there.
    text.erase(text.begin() + static_cast<std::ptrdiff_t>(keep / 2),
               text.end() - static_cast<std::ptrdiff_t>(keep - keep / 2));
  }
  out.tokens = std::move(before);
  out.tokens.insert(out.tokens.end(), text.begin(), text.end());
  out.tokens.insert(out.tokens.end(), after.begin(), after.end());
  return out;
}

Tokens Tokenizer::label(const std::string& label) const {
  // Some tokenizers put a space before a text that stands alone; after a line's end they do not.
  const Tokens line = tokenize("\n", false, false);
  const Tokens both = tokenize("\n" + label, false, false);
  if (both.size() > line.size() && std::equal(line.begin(), line.end(), both.begin()))
    return Tokens(both.begin() + static_cast<std::ptrdiff_t>(line.size()), both.end());
  return tokenize(label, false, false);
}

PromptTokens Tokenizer::sentence(const std::string& text, std::size_t limit) const {
  PromptTokens out{.tokens = tokenize(text, true, false)};
  if (out.tokens.size() <= limit) return out;
  out.truncated = true;
  const llama_token last = out.tokens.back();
  const bool closed = llama_vocab_get_add_eos(vocab_) || llama_vocab_get_add_sep(vocab_);
  out.tokens.resize(limit);
  if (closed) out.tokens.back() = last;
  return out;
}

}  // namespace medsynth::inference::llama
