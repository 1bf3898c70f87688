#include "medsynth/tasks/cursor.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "medsynth/base/id.h"

namespace medsynth::tasks {
namespace {

constexpr std::size_t kMaxDigits = 17;  // of a 64-bit time in microseconds that a double holds exactly

std::optional<std::string> bytes_from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t at = 0; at < hex.size(); at += 2) {
    unsigned char byte = 0;
    const char* end = hex.data() + at + 2;
    const auto [stop, error] = std::from_chars(hex.data() + at, end, byte, 16);
    if (error != std::errc() || stop != end) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace

std::string to_text(const Cursor& cursor) {
  std::string text;
  for (const char c : cursor.score + ":" + cursor.task_id)
    fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::optional<Cursor> cursor_from(std::string_view text) {
  const auto bytes = bytes_from_hex(text);
  if (!bytes) return std::nullopt;
  const std::size_t colon = bytes->find(':');
  if (colon == 0 || colon == std::string::npos || colon > kMaxDigits) return std::nullopt;
  Cursor cursor{bytes->substr(0, colon), bytes->substr(colon + 1)};
  const bool digits =
      std::all_of(cursor.score.begin(), cursor.score.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || !check_task_id(cursor.task_id)) return std::nullopt;
  return cursor;
}

}  // namespace medsynth::tasks
