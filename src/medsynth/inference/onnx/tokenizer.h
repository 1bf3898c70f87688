// Pairs of texts as the tokens that a sequence-classification model was trained with, by the files that lie beside
// it: tokenizer.json, or what came before it (vocab.txt of BERT; spm.model of DeBERTa; vocab.json and merges.txt of
// RoBERTa). A text is only ever text: the name of a special token in it ("[SEP]") does not become one. Thread safe.
//
//   BOOST_OUTCOME_TRY(const Tokenizer tokenizer, Tokenizer::read(folder, "bert"));
//   const TokenPair pair = tokenizer.pair(premise, hypothesis, 512);   // [CLS] a [SEP] b [SEP]
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/inference/onnx/normalizer.h"
#include "medsynth/inference/onnx/pieces.h"

namespace medsynth::inference::onnx {

// The files that a tokenizer may have; they are copied with a model.
inline constexpr std::array<std::string_view, 8> kTokenizerFiles{
    "tokenizer.json", "tokenizer_config.json",   "vocab.txt",         "spm.model",
    "vocab.json",     "special_tokens_map.json", "added_tokens.json", "merges.txt"};

struct TokenPair {
  Ids ids, types;  // types: of which text, as the model's family counts them
  bool truncated = false;
};

class Tokenizer {
 public:
  // `family`: model_type of config.json; it says what stands between two texts where no tokenizer.json does.
  // not_found ("tokenizer_missing"): none of the files; invalid_argument ("not_a_tokenizer"): damaged, or of a kind
  // that is not known.
  static Result<Tokenizer> read(const std::filesystem::path& folder, std::string_view family);

  Ids tokens(std::string_view text) const;
  // At most `limit` tokens: the longer text loses its end first.
  TokenPair pair(std::string_view first, std::string_view second, std::size_t limit) const;

 private:
  // What stands around two texts, in order: a special token, or one of the texts.
  struct Slot {
    int text = 0;  // 1 or 2; 0: a special token
    std::int64_t id = 0;
    std::int64_t type = 0;
  };

  static Result<Tokenizer> read_json(const json::value& file);
  static Result<Tokenizer> read_vocabulary(const std::filesystem::path& folder);
  static Result<Tokenizer> read_sentence_piece(const std::filesystem::path& folder);
  static Result<Tokenizer> read_byte_pairs(const std::filesystem::path& folder);
  Result<> read_template(const json::value& processor);
  void surround(std::int64_t begin, std::int64_t end, bool roberta);

  std::vector<Step> steps_;
  std::shared_ptr<const Pieces> pieces_;
  std::vector<Slot> slots_;
};

}  // namespace medsynth::inference::onnx
