// Percent-encoding (RFC 3986, 2.1). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace medsynth {

// Everything but A-Z a-z 0-9 - . _ ~ and the characters of `plain` as %XX: by default one segment of a path, or a
// value of a query.
std::string percent_encode(std::string_view text, std::string_view plain = "");

// Decoded once; nullopt where a % is not followed by two hexadecimal digits. Any bytes may come of it.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace medsynth
