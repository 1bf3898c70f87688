// Where a page of tasks ended, as a text that clients give back unread. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace medsynth::tasks {

// The last task of a page: its place in the index (creation, microseconds) and its id.
struct Cursor {
  std::string score;
  std::string task_id;
  bool operator==(const Cursor&) const = default;
};

std::string to_text(const Cursor& cursor);                 // lowercase hex: safe in URLs
std::optional<Cursor> cursor_from(std::string_view text);  // empty when it is not ours

}  // namespace medsynth::tasks
