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

// A task id is 1-200 bytes of UTF-8 without control characters; the error says which rule `id` breaks.
Result<> check_task_id(std::string_view id);

// Lowercase hex.
std::string md5_hex(std::string_view bytes);  // names of keys only: Dramatiq's
std::string sha1_hex(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);

}  // namespace medsynth
