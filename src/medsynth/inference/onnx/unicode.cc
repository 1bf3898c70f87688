#include "medsynth/inference/onnx/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

namespace medsynth::inference::onnx {
namespace {

constexpr CodePoint kReplacement = 0xFFFD;

utf8proc_category_t category(CodePoint each) {
  return utf8proc_category(each);
}

bool is_between(utf8proc_category_t each, utf8proc_category_t first, utf8proc_category_t last) {
  return each >= first && each <= last;
}

}  // namespace

std::vector<CodePoint> decode(std::string_view text) {
  std::vector<CodePoint> points;
  points.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t each = 0;
    const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &each);
    points.push_back(size > 0 ? each : kReplacement);
    text.remove_prefix(size > 0 ? static_cast<std::size_t>(size) : 1);
  }
  return points;
}

void append(std::string& text, CodePoint each) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto size = utf8proc_encode_char(each, bytes.data());
  text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
}

bool is_space(CodePoint each) {
  return (each >= 0x09 && each <= 0x0D) || each == 0x85 ||
         is_between(category(each), UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_ZP);
}

bool is_letter(CodePoint each) {
  return is_between(category(each), UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO);
}

bool is_number(CodePoint each) {
  return is_between(category(each), UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO);
}

bool is_punctuation(CodePoint each) {
  if (each < 0x80) return each > ' ' && each < 0x7F && !is_letter(each) && !is_number(each);
  return is_between(category(each), UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO);
}

bool is_mark(CodePoint each) {
  return category(each) == UTF8PROC_CATEGORY_MN;
}

bool is_other(CodePoint each) {
  const utf8proc_category_t found = category(each);
  return found == UTF8PROC_CATEGORY_CN || is_between(found, UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CO);
}

bool is_chinese(CodePoint each) {
  // As BERT's authors drew it: the blocks of ideographs, without Japanese and Korean syllables.
  constexpr std::array<std::pair<CodePoint, CodePoint>, 8> kBlocks{{{0x4E00, 0x9FFF},
                                                                    {0x3400, 0x4DBF},
                                                                    {0x20000, 0x2A6DF},
                                                                    {0x2A700, 0x2B73F},
                                                                    {0x2B740, 0x2B81F},
                                                                    {0x2B920, 0x2CEAF},
                                                                    {0xF900, 0xFAFF},
                                                                    {0x2F800, 0x2FA1F}}};
  return std::ranges::any_of(kBlocks,
                             [&](const auto& block) { return each >= block.first && each <= block.second; });
}

CodePoint to_lower(CodePoint each) {
  return utf8proc_tolower(each);
}

std::string normalized(std::string_view text, Form form) {
  int options = UTF8PROC_STABLE;
  options |= form == Form::nfc || form == Form::nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == Form::nfkc || form == Form::nfkd) options |= UTF8PROC_COMPAT;
  utf8proc_uint8_t* out = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &out, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(out, &std::free);
  if (size < 0) return std::string(text);  // no UTF-8, or no memory
  return {reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)};
}

}  // namespace medsynth::inference::onnx
