// Code points and what Unicode says of them, as tokenizers ask: the only place that includes utf8proc. Thread
// safe (no state).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace medsynth::inference::onnx {

using CodePoint = std::int32_t;

// Bytes that are no UTF-8 become U+FFFD.
std::vector<CodePoint> decode(std::string_view text);
void append(std::string& text, CodePoint each);

bool is_space(CodePoint each);        // Unicode's White_Space
bool is_letter(CodePoint each);       // L*
bool is_number(CodePoint each);       // N*
bool is_punctuation(CodePoint each);  // P*, and all of ASCII that is neither letter, digit nor space
bool is_mark(CodePoint each);         // Mn: an accent of its own
bool is_other(CodePoint each);        // C*: controls, formats, what nobody assigned
bool is_chinese(CodePoint each);      // CJK ideographs

CodePoint to_lower(CodePoint each);

enum class Form { nfc, nfd, nfkc, nfkd };
std::string normalized(std::string_view text, Form form);

}  // namespace medsynth::inference::onnx
