// From a normalised text to tokens: the three ways that models of the BERT family cut words. Pure, thread safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "medsynth/base/error.h"

namespace medsynth::inference::onnx {

using Ids = std::vector<std::int64_t>;

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class T>
using ByText = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;

class Pieces {
 public:
  virtual ~Pieces() = default;
  virtual Ids cut(std::string_view text) const = 0;
};

// WordPiece (BERT): words at white space, punctuation alone, then the longest piece each time; a word that cannot
// be cut to its end, or is longer than `longest` characters, is unknown.
struct WordPieceModel {
  ByText<std::int64_t> vocabulary;
  std::int64_t unknown = 0;
  std::string continuation = "##";
  std::size_t longest = 100;
};
std::unique_ptr<Pieces> word_piece(WordPieceModel model);

// SentencePiece's Unigram (DeBERTa v2 and v3): words begin with U+2581, and of all ways to cut them the one whose
// pieces have the greatest sum of scores.
struct UnigramModel {
  ByText<std::pair<std::int64_t, double>> pieces;  // id and score, without special tokens
  std::int64_t unknown = 0;
  bool prefix = true;  // a text begins with U+2581, too
};
std::unique_ptr<Pieces> unigram(UnigramModel model);

// Byte-level BPE (RoBERTa): GPT-2's pattern parts the text, bytes become letters, pairs are joined by rank.
struct BytePairModel {
  ByText<std::int64_t> vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  // by rank
  bool prefix_space = false;                                // a text begins with a space, too
};
// invalid_argument: a merge of what is not in the vocabulary.
Result<std::unique_ptr<Pieces>> byte_pair(BytePairModel model);

}  // namespace medsynth::inference::onnx
