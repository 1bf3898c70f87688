// JSON as Medsynth writes and reads it: the one writer whose bytes are those of Python's compact encoder, and
// reading with limits. Everything that leaves the program goes through write().
//
// Numbers: 80.0 is "80.0", 1e16 is "1e+16", 0.0001 is "0.0001" (shortest text that reads back to the same
// double). Strings: pure ASCII, everything outside 0x20-0x7E is escaped, also DEL; astral characters are
// surrogate pairs.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

#include "medsynth/base/error.h"

namespace medsynth::json {

using boost::json::array;
using boost::json::object;
using boost::json::value;

// `value` as compact JSON. Non-finite numbers are written as Python does: NaN, Infinity, -Infinity.
std::string write(const value& value);
void write_to(std::string& out, const value& value);
std::string write_string(std::string_view utf8);  // quoted and escaped; invalid UTF-8 bytes become U+FFFD
void write_string_to(std::string& out, std::string_view utf8);
std::string write_number(double number);

// `value` with two spaces of indentation, for people.
std::string write_pretty(const value& value);

// At most 80 levels deep (what is_json() takes fits into an answer around it), one value, valid UTF-8;
// duplicate keys: the last one wins. Error: invalid_argument with the byte where it went wrong (never the
// text itself: it may be a claim), reason "malformed_json". Integers outside 64 bits become doubles: a room
// that must carry them untouched (dramatiq) keeps the raw text, see members().
Result<value> parse(std::string_view text);

// Whether `text` is one JSON value that every reader takes: valid UTF-8, at most 64 levels deep, no NaN, no
// number beyond the range of a double. Builds nothing.
bool is_json(std::string_view text);

// Replaces numbers that are none (NaN, infinity), which JSON has no text for, by null.
void drop_non_finite(value& value);

// The members of a JSON object, or the elements of an array (empty names), as raw text that points into
// `text`, in order, without decoding the values. NaN and Infinity are let through, as Python writes them.
// Same error as parse().
Result<std::vector<std::pair<std::string, std::string_view>>> members(std::string_view text);

}  // namespace medsynth::json
