#include <algorithm>

#include "medsynth/inference/onnx/pieces.h"
#include "medsynth/inference/onnx/unicode.h"

namespace medsynth::inference::onnx {
namespace {

std::vector<std::vector<CodePoint>> words_of(std::string_view text) {
  std::vector<std::vector<CodePoint>> words;
  bool inside = false;
  for (const CodePoint each : decode(text)) {
    const bool alone = is_punctuation(each);
    if (is_space(each)) {
      inside = false;
      continue;
    }
    if (!inside || alone) words.emplace_back();
    words.back().push_back(each);
    inside = !alone;
  }
  return words;
}

class WordPiece final : public Pieces {
 public:
  explicit WordPiece(WordPieceModel model) : model_(std::move(model)) {}

  Ids cut(std::string_view text) const override {
    Ids ids;
    for (const auto& word : words_of(text)) cut_word(word, ids);
    return ids;
  }

 private:
  void cut_word(const std::vector<CodePoint>& word, Ids& ids) const {
    const std::size_t before = ids.size();
    if (word.size() > model_.longest) return ids.push_back(model_.unknown);
    for (std::size_t begin = 0; begin < word.size();) {
      // The longest piece from here: all of them are built once, then tried from the end.
      std::string piece = begin == 0 ? "" : model_.continuation;
      std::vector<std::size_t> ends;
      for (std::size_t i = begin; i < word.size(); ++i) append(piece, word[i]), ends.push_back(piece.size());
      while (!ends.empty()) {
        const auto found = model_.vocabulary.find(std::string_view(piece).substr(0, ends.back()));
        if (found != model_.vocabulary.end()) {
          ids.push_back(found->second);
          break;
        }
        ends.pop_back();
      }
      if (ends.empty()) {
        ids.resize(before);
        return ids.push_back(model_.unknown);
      }
      begin += ends.size();
    }
  }

  const WordPieceModel model_;
};

}  // namespace

std::unique_ptr<Pieces> word_piece(WordPieceModel model) {
  return std::make_unique<WordPiece>(std::move(model));
}

}  // namespace medsynth::inference::onnx
