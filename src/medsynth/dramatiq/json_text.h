// Whether a text is JSON as Python's decoder takes it, without converting any of it. Pure.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "medsynth/base/error.h"

namespace medsynth::dramatiq {

// One value, in valid UTF-8. Allowed beyond RFC 8259, as in Python: NaN, Infinity, -Infinity, lone surrogates
// in escapes. Refused, as in Python: control characters in strings, integers of more than 4,300 digits, and
// nesting that exhausts its recursion limit. Error: invalid_argument with the byte where it went wrong, never
// the text.
Result<> check_json(std::string_view text);

// The same for an object, and its members in order: name, with its quotes, and value, as raw texts that point
// into `text`.
using RawMembers = std::vector<std::pair<std::string_view, std::string_view>>;
Result<RawMembers> read_object(std::string_view text);

}  // namespace medsynth::dramatiq
