#include "medsynth/api/error_words.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace medsynth::api {
namespace {

constexpr std::size_t kMaxBytes = 200;
constexpr std::size_t kIdDigits = 8;  // hexadecimal ones that are no word any more

bool is(int (*kind)(int), char c) {
  return kind(static_cast<unsigned char>(c)) != 0;
}

// How long the word or id at the beginning is; an id may have hyphens.
std::size_t id_length(std::string_view text) {
  const auto end =
      std::find_if(text.begin(), text.end(), [](char c) { return !is(std::isalnum, c) && c != '-'; });
  auto id = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  while (id.ends_with('-')) id.remove_suffix(1);
  const bool hexadecimal =
      std::all_of(id.begin(), id.end(), [](char c) { return is(std::isxdigit, c) || c == '-'; });
  const bool has_digit = std::any_of(id.begin(), id.end(), [](char c) { return is(std::isdigit, c); });
  const bool has_letter = std::any_of(id.begin(), id.end(), [](char c) { return is(std::isalpha, c); });
  const auto digits = std::count_if(id.begin(), id.end(), [](char c) { return c != '-'; });
  const bool is_id =
      hexadecimal && has_digit && has_letter && digits >= static_cast<std::ptrdiff_t>(kIdDigits);
  return is_id ? id.size() : 0;
}

// Of a number at the beginning, its fraction included.
std::size_t number_length(std::string_view text) {
  std::size_t end = 0;
  const auto digits = [&] {
    while (end < text.size() && is(std::isdigit, text[end])) ++end;
  };
  digits();
  if (end + 1 < text.size() && text[end] == '.' && is(std::isdigit, text[end + 1])) {
    ++end;
    digits();
  }
  return end;
}

}  // namespace

std::string error_words(std::string_view error) {
  std::string_view left = error.substr(0, error.find('\n'));
  if (left.empty()) return "(no reason)";
  std::string words;
  bool in_word = false;
  while (!left.empty() && words.size() <= kMaxBytes) {
    const std::size_t id = in_word ? 0 : id_length(left);
    const std::size_t number = id > 0 ? 0 : number_length(left);
    if (id > 0)
      words += "…";
    else if (number > 0)
      words += 'N';
    else
      words += left.front();
    in_word = is(std::isalnum, left.front());
    left.remove_prefix(std::max<std::size_t>({id, number, 1}));
  }
  if (words.size() <= kMaxBytes) return words;
  std::size_t end = kMaxBytes;
  while (end > 0 && (static_cast<unsigned char>(words[end]) & 0xC0) == 0x80) --end;
  words.resize(end);
  return words;
}

}  // namespace medsynth::api
