#include <algorithm>
#include <limits>
#include <optional>

#include "medsynth/inference/onnx/pieces.h"

namespace medsynth::inference::onnx {
namespace {

constexpr std::string_view kSpace = "\u2581";
constexpr double kUnknownPenalty = 10;  // below the least score: SentencePiece's

bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

class Unigram final : public Pieces {
 public:
  explicit Unigram(UnigramModel model) : model_(std::move(model)) {
    for (const auto& [piece, about] : model_.pieces) {
      longest_ = std::max(longest_, piece.size());
      least_ = std::min(least_, about.second);
    }
  }

  Ids cut(std::string_view text) const override {
    std::string marked;
    for (const char each : text) each == ' ' ? marked += kSpace : marked += each;
    if (model_.prefix && !marked.empty() && !marked.starts_with(kSpace)) marked.insert(0, kSpace);
    Ids ids;
    for (std::string_view rest = marked; !rest.empty();) {
      const std::size_t end = std::min(rest.find(kSpace, 1), rest.size());
      cut_word(rest.substr(0, end), ids);
      rest.remove_prefix(end);
    }
    return ids;
  }

 private:
  // Viterbi: the best way to each byte where a character ends.
  void cut_word(std::string_view word, Ids& ids) const {
    struct Way {
      double score = -std::numeric_limits<double>::infinity();
      std::size_t from = 0;
      std::optional<std::int64_t> piece;  // nullopt: one unknown character
      bool reached = false;
    };
    std::vector<Way> ways(word.size() + 1);
    ways[0] = {.score = 0, .reached = true};
    const auto reach = [&](std::size_t from, std::size_t to, double score,
                           std::optional<std::int64_t> piece) {
      score += ways[from].score;
      if (!ways[to].reached || score > ways[to].score) ways[to] = {score, from, piece, true};
    };
    for (std::size_t from = 0; from < word.size(); ++from) {
      if (!begins_character(word[from]) || !ways[from].reached) continue;
      std::size_t character = from + 1;
      while (character < word.size() && !begins_character(word[character])) ++character;
      bool known = false;
      for (std::size_t to = character; to <= std::min(word.size(), from + longest_); ++to) {
        if (to < word.size() && !begins_character(word[to])) continue;
        const auto found = model_.pieces.find(word.substr(from, to - from));
        if (found == model_.pieces.end()) continue;
        reach(from, to, found->second.second, found->second.first);
        known = known || to == character;
      }
      if (!known) reach(from, character, least_ - kUnknownPenalty, std::nullopt);
    }
    // Unknown characters beside each other are one unknown piece.
    Ids backwards;
    bool unknown = false;
    for (std::size_t to = word.size(); to > 0; to = ways[to].from) {
      if (ways[to].piece || !unknown) backwards.push_back(ways[to].piece.value_or(model_.unknown));
      unknown = !ways[to].piece;
    }
    ids.insert(ids.end(), backwards.rbegin(), backwards.rend());
  }

  const UnigramModel model_;
  std::size_t longest_ = 0;
  double least_ = 0;
};

}  // namespace

std::unique_ptr<Pieces> unigram(UnigramModel model) {
  return std::make_unique<Unigram>(std::move(model));
}

}  // namespace medsynth::inference::onnx
