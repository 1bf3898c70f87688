// Identifiers. Thread safe.
#pragma once

#include <string>
#include <string_view>

#include "medsynth/base/error.h"

namespace medsynth {

// A random UUID (version 4), lowercase with dashes, as Dramatiq writes them.
std::string new_uuid();

// True for valid UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view bytes);

// The one rule for a name that comes from outside and becomes (part of) a key, a path or a label: ids,
// queues, actors, models. 1-200 bytes of UTF-8, not only white space, neither "." nor "..", no control
// characters (U+0000-001F, which has our own separators, and U+007F-009F). invalid_argument at `pointer` says
// which part of the rule `name` breaks.
Result<> check_name(std::string_view pointer, std::string_view name);
// check_name() of a task's id, at "/task_id".
Result<> check_task_id(std::string_view id);

// Lowercase hex.
std::string md5_hex(std::string_view bytes);  // names of keys only: Dramatiq's
std::string sha1_hex(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);

}  // namespace medsynth
