// A list of words that is looked into for every word of a text: nearly all are told by their first letter and
// their length. Built at compile time.
//
//   constexpr WordList kPeople("patients women men");
//   kPeople.has(token.text);
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace medsynth::contradiction {

class WordList {
 public:
  constexpr explicit WordList(std::string_view words) : words_(words) {
    for (std::string_view rest = words; !rest.empty();) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      if (end > 0) lengths_[slot(rest)] |= bit(end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  constexpr bool has(std::string_view word) const {
    if (word.empty() || (lengths_[slot(word)] & bit(word.size())) == 0) return false;
    for (std::string_view rest = words_; !rest.empty();) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      if (rest.substr(0, end) == word) return true;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
  }

 private:
  static constexpr std::size_t kSlots = 64;
  static constexpr std::size_t slot(std::string_view word) {
    return static_cast<unsigned char>(word[0]) % kSlots;
  }
  static constexpr std::uint32_t bit(std::size_t length) {
    constexpr std::size_t kLongest = 31;
    return std::uint32_t{1} << std::min(length, kLongest);
  }

  std::string_view words_;
  std::array<std::uint32_t, kSlots> lengths_{};  // of the words that begin so, a bit for each
};

}  // namespace medsynth::contradiction
