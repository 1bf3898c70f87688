#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "medsynth/inference/onnx/json_fields.h"
#include "medsynth/inference/onnx/pieces.h"
#include "medsynth/inference/onnx/unicode.h"

namespace medsynth::inference::onnx {
namespace {

// GPT-2 writes each byte as a letter: those that print stand for themselves, the others for U+0100 and on.
std::array<std::string, 256> letters_of_bytes() {
  std::array<std::string, 256> letters;
  CodePoint next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    append(letters[static_cast<std::size_t>(byte)], prints ? byte : next);
    next += prints ? 0 : 1;
  }
  return letters;
}

enum class Kind { space, letter, number, other };
Kind kind_of(CodePoint each) {
  return is_space(each)    ? Kind::space
         : is_letter(each) ? Kind::letter
         : is_number(each) ? Kind::number
                           : Kind::other;
}

// Where the part that begins at `from` ends, by GPT-2's pattern: 's, 't, 're, 've, 'm, 'll, 'd; a run of one kind
// with one space before it; white space, which leaves its last to what follows.
std::size_t end_of_part(const std::vector<CodePoint>& text, std::size_t from) {
  constexpr std::array<std::string_view, 7> kEndings{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  for (const std::string_view ending : kEndings)
    if (from + ending.size() <= text.size() &&
        std::equal(ending.begin(), ending.end(), text.begin() + static_cast<std::ptrdiff_t>(from)))
      return from + ending.size();
  const auto run_end = [&](std::size_t at) {
    const Kind kind = kind_of(text[at]);
    while (at < text.size() && kind_of(text[at]) == kind) ++at;
    return at;
  };
  const bool after_space = text[from] == ' ' && from + 1 < text.size();
  if (after_space && kind_of(text[from + 1]) != Kind::space) return run_end(from + 1);
  const std::size_t end = run_end(from);
  const bool leaves_one = kind_of(text[from]) == Kind::space && end < text.size() && end - from > 1;
  return leaves_one ? end - 1 : end;
}

class BytePair final : public Pieces {
 public:
  static Result<std::unique_ptr<Pieces>> make(BytePairModel model) {
    auto out = std::make_unique<BytePair>();
    const auto id_of = [&](const std::string& piece) {
      const auto found = model.vocabulary.find(piece);
      return found == model.vocabulary.end() ? kNone : found->second;
    };
    out->prefix_space_ = model.prefix_space;
    const auto letters = letters_of_bytes();
    for (std::size_t byte = 0; byte < letters.size(); ++byte) out->bytes_[byte] = id_of(letters[byte]);
    for (const auto& [left, right] : model.merges) {
      const Merge merge{out->merges_.size(), id_of(left + right)};
      const std::pair sides{id_of(left), id_of(right)};
      if (merge.joined == kNone || sides.first == kNone || sides.second == kNone)
        return not_a_tokenizer("it merges pieces that are not in its vocabulary");
      out->merges_.emplace(sides, merge);
    }
    return std::unique_ptr<Pieces>(std::move(out));
  }

  Ids cut(std::string_view text) const override {
    std::string with_space;
    if (prefix_space_ && !text.empty() && !text.starts_with(' ')) text = with_space = " " + std::string(text);
    const std::vector<CodePoint> points = decode(text);
    Ids ids;
    for (std::size_t from = 0; from < points.size();) {
      // No word is as long: joining takes the square of its length.
      constexpr std::size_t kLongest = 1000;
      const std::size_t end = std::min(end_of_part(points, from), from + kLongest);
      std::string part;
      for (std::size_t i = from; i < end; ++i) append(part, points[i]);
      const Ids joined = join(part);
      ids.insert(ids.end(), joined.begin(), joined.end());
      from = end;
    }
    return ids;
  }

 private:
  static constexpr std::int64_t kNone = -1;
  struct Merge {
    std::size_t rank;
    std::int64_t joined;
  };

  // The pair of the lowest rank first, from the left. Parts are words: their pairs are looked through each time.
  Ids join(std::string_view part) const {
    Ids ids;
    for (const char each : part)
      if (const auto id = bytes_[static_cast<unsigned char>(each)]; id != kNone) ids.push_back(id);
    while (true) {
      const Merge* best = nullptr;
      std::size_t where = 0;
      for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
        const auto found = merges_.find({ids[i], ids[i + 1]});
        if (found == merges_.end() || (best && found->second.rank >= best->rank)) continue;
        best = &found->second;
        where = i;
      }
      if (!best) return ids;
      ids[where] = best->joined;
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(where) + 1);
    }
  }

  std::array<std::int64_t, 256> bytes_{};
  std::map<std::pair<std::int64_t, std::int64_t>, Merge> merges_;
  bool prefix_space_ = false;
};

}  // namespace

Result<std::unique_ptr<Pieces>> byte_pair(BytePairModel model) {
  return BytePair::make(std::move(model));
}

}  // namespace medsynth::inference::onnx
