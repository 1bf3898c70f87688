#include "medsynth/inference/onnx/normalizer.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "medsynth/inference/onnx/json_fields.h"
#include "medsynth/inference/onnx/unicode.h"

namespace medsynth::inference::onnx {
namespace {

std::string each_point(std::string_view text, const std::function<void(std::string&, CodePoint)>& write) {
  std::string out;
  out.reserve(text.size());
  for (const CodePoint each : decode(text)) write(out, each);
  return out;
}

std::string clean(std::string_view text) {
  return each_point(text, [](std::string& out, CodePoint each) {
    const bool breaks = each == '\t' || each == '\n' || each == '\r';
    if (each == 0 || each == 0xFFFD || (is_other(each) && !breaks)) return;
    append(out, breaks || is_space(each) ? ' ' : each);
  });
}

std::string spaced(std::string_view text) {
  return each_point(text, [](std::string& out, CodePoint each) {
    if (!is_chinese(each)) return append(out, each);
    out += ' ';
    append(out, each);
    out += ' ';
  });
}

std::string without_accents(std::string_view text) {
  return each_point(normalized(text, Form::nfd), [](std::string& out, CodePoint each) {
    if (!is_mark(each)) append(out, each);
  });
}

std::string lowercase(std::string_view text) {
  return each_point(text, [](std::string& out, CodePoint each) {
    constexpr CodePoint kDottedI = 0x130, kDot = 0x307;  // the one letter that becomes two
    append(out, each == kDottedI ? 'i' : to_lower(each));
    if (each == kDottedI) append(out, kDot);
  });
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; !from.empty() && (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string single_spaces(std::string_view text) {
  std::string out;
  for (const char each : text)
    if (each != ' ' || (!out.empty() && out.back() != ' ')) out += each;
  return out;
}

std::string stripped(std::string_view text, bool left, bool right) {
  auto points = decode(text);
  std::size_t begin = 0, end = points.size();
  while (left && begin < end && is_space(points[begin])) ++begin;
  while (right && end > begin && is_space(points[end - 1])) --end;
  std::string out;
  for (std::size_t i = begin; i < end; ++i) append(out, points[i]);
  return out;
}

// A double-array trie (Darts) from the bytes of a rule to where its replacement begins.
class Charsmap {
 public:
  static Result<Charsmap> read(std::string rules) {
    Charsmap out;
    std::uint32_t size = 0;
    if (rules.size() < sizeof size) return damaged();
    std::memcpy(&size, rules.data(), sizeof size);  // little-endian, as every machine that we run on
    if (size % sizeof(std::uint32_t) != 0 || size > rules.size() - sizeof size || size == 0) return damaged();
    out.units_.resize(size / sizeof(std::uint32_t));
    std::memcpy(out.units_.data(), rules.data() + sizeof size, size);
    out.replacements_ = rules.substr(sizeof size + size);
    if (out.replacements_.empty() || out.replacements_.back() != '\0') return damaged();
    return out;
  }

  std::string apply(std::string_view text) const {
    std::string out;
    while (!text.empty()) {
      const auto [length, replacement] = longest(text);
      if (length > 0) {
        out += std::string_view(replacements_.data() + replacement);
        text.remove_prefix(length);
        continue;
      }
      std::size_t whole = 1;
      while (whole < text.size() && (static_cast<unsigned char>(text[whole]) & 0xC0U) == 0x80U) ++whole;
      out += text.substr(0, whole);
      text.remove_prefix(whole);
    }
    return out;
  }

 private:
  static Error damaged() { return not_a_tokenizer("its precompiled_charsmap is damaged"); }

  // Of the longest rule that `text` begins with: its bytes, and where the replacement stands; {0, 0}: none.
  std::pair<std::size_t, std::size_t> longest(std::string_view text) const {
    std::pair<std::size_t, std::size_t> found{0, 0};
    const auto offset = [](std::uint32_t unit) { return (unit >> 10U) << ((unit & (1U << 9U)) >> 6U); };
    std::size_t at = offset(units_[0]);
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      at ^= byte;
      if (at >= units_.size()) break;
      const std::uint32_t unit = units_[at];
      if ((unit & ((1U << 31U) | 0xFFU)) != byte) break;
      at ^= offset(unit);
      if (at >= units_.size()) break;
      if ((unit >> 8U) & 1U)
        if (const std::size_t value = units_[at] & 0x7FFFFFFFU; value < replacements_.size())
          found = {i + 1, value};
    }
    return found;
  }

  std::vector<std::uint32_t> units_;
  std::string replacements_;  // each ends with a zero byte
};

std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char each : text) {
    const std::size_t digit = kDigits.find(each);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    if ((count += 6) < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xFFU);
  }
  return out;
}

// " {2,}", and nothing else: the one pattern that SentencePiece's converters write.
Result<Step> replace_step(const json::value& normalizer) {
  const std::string content = string_at(normalizer, "content");
  const json::value& pattern = at(normalizer, "pattern");
  if (const std::string text = string_at(pattern, "String"); !text.empty())
    return Step([=](std::string in) { return replaced(std::move(in), text, content); });
  if (string_at(pattern, "Regex") != " {2,}" || content != " ")
    return not_a_tokenizer("its normalizer replaces a pattern that is not known");
  return Step([](std::string in) {
    std::string out;
    for (const char each : in)
      if (each != ' ' || !out.ends_with(' ')) out += each;
    return out;
  });
}

Result<Step> step_of(const json::value& normalizer) {
  const std::string type = string_at(normalizer, "type");
  if (type == "BertNormalizer") {
    BertSteps steps{.clean = bool_at(normalizer, "clean_text", true),
                    .chinese = bool_at(normalizer, "handle_chinese_chars", true),
                    .lowercase = bool_at(normalizer, "lowercase", true)};
    steps.strip_accents = bool_at(normalizer, "strip_accents", steps.lowercase);
    return bert_step(steps);
  }
  if (type == "Precompiled") {
    auto rules = from_base64(string_at(normalizer, "precompiled_charsmap"));
    if (!rules) return not_a_tokenizer("its precompiled_charsmap is not Base64");
    if (rules->empty()) return Step([](std::string text) { return text; });
    return charsmap_step(std::move(*rules));
  }
  if (type == "Replace") return replace_step(normalizer);
  if (type == "Lowercase") return Step([](std::string text) { return lowercase(text); });
  if (type == "StripAccents")
    return Step([](std::string text) {
      return each_point(text, [](std::string& out, CodePoint each) {
        if (!is_mark(each)) append(out, each);
      });
    });
  if (type == "Strip") {
    const bool left = bool_at(normalizer, "strip_left", true),
               right = bool_at(normalizer, "strip_right", true);
    return Step([=](std::string text) { return stripped(text, left, right); });
  }
  constexpr std::array<std::pair<std::string_view, Form>, 4> kForms{
      {{"NFC", Form::nfc}, {"NFD", Form::nfd}, {"NFKC", Form::nfkc}, {"NFKD", Form::nfkd}}};
  for (const auto& known : kForms)
    if (type == known.first)
      return Step([form = known.second](std::string text) { return normalized(text, form); });
  return not_a_tokenizer(fmt::format("its normalizer {} is not known", type));
}

}  // namespace

Step bert_step(const BertSteps& steps) {
  return [steps](std::string text) {
    if (steps.clean) text = clean(text);
    if (steps.chinese) text = spaced(text);
    if (steps.strip_accents) text = without_accents(text);
    if (steps.lowercase) text = lowercase(text);
    return text;
  };
}

Result<Step> charsmap_step(std::string rules) {
  BOOST_OUTCOME_TRY(auto charsmap, Charsmap::read(std::move(rules)));
  return Step([charsmap = std::move(charsmap)](std::string text) { return charsmap.apply(text); });
}

Step single_spaces_step() {
  return [](std::string text) {
    text = single_spaces(text);
    if (text.ends_with(' ')) text.pop_back();
    return text;
  };
}

Result<std::vector<Step>> read_normalizer(const json::value& normalizer) {
  std::vector<Step> steps;
  if (normalizer.is_null()) return steps;
  if (string_at(normalizer, "type") != "Sequence") {
    BOOST_OUTCOME_TRY(auto step, step_of(normalizer));
    steps.push_back(std::move(step));
    return steps;
  }
  for (const json::value& each : array_at(normalizer, "normalizers")) {
    BOOST_OUTCOME_TRY(auto more, read_normalizer(each));
    for (Step& step : more) steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace medsynth::inference::onnx
