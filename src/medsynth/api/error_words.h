// What two errors of one cause have in common: their words, without numbers and ids. Pure.
//
//   error_words("model biomedlm is 2048 MiB, 512 are free\n...")   // "model biomedlm is N MiB, N are free"
#pragma once

#include <string>
#include <string_view>

namespace medsynth::api {

// Of the first line, at most 200 bytes and no half characters: numbers are "N", UUIDs and other long
// hexadecimal words "…". Of an empty one "(no reason)": the words of a group are never empty.
std::string error_words(std::string_view error);

}  // namespace medsynth::api
