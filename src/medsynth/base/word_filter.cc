#include "medsynth/base/word_filter.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace medsynth {
namespace {

constexpr std::size_t kTelling = 4;  // "in" begins "insulin"

// Letters and digits, in lower case where they are ASCII.
std::vector<std::string> words_in(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  for (const char each : text) {
    const auto c = static_cast<unsigned char>(each);
    if (c >= 0x80 || std::isalnum(c) != 0)
      word += c >= 0x80 ? each : static_cast<char>(std::tolower(c));
    else
      end_word();
  }
  end_word();
  return words;
}

bool is_same(std::string_view a, std::string_view b) {
  return a == b || (std::min(a.size(), b.size()) >= kTelling && (a.starts_with(b) || b.starts_with(a)));
}

}  // namespace

WordFilter::WordFilter(std::string_view words) : words_(words_in(words)) {}

bool WordFilter::matches(std::string_view text) const {
  if (words_.empty()) return true;
  const std::vector<std::string> found = words_in(text);
  return std::all_of(words_.begin(), words_.end(), [&](const std::string& wanted) {
    return std::any_of(found.begin(), found.end(),
                       [&](const std::string& each) { return is_same(each, wanted); });
  });
}

}  // namespace medsynth
