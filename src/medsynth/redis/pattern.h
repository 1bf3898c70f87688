// Patterns of SCAN. Pure.
#pragma once

#include <string>
#include <string_view>

namespace medsynth::redis {

// A pattern that means just this text.
inline std::string glob_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("*?[]^\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace medsynth::redis
