#include "medsynth/base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/stream_parser.hpp>
#include <fmt/format.h>

#include "medsynth/base/id.h"

namespace medsynth::json {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;
constexpr std::size_t kMaxDepth = 80;
constexpr std::size_t kMaxValueDepth = 64;  // of a value that others put into their documents

// Decodes one code point of UTF-8 at `at` and moves past it; a wrong byte gives U+FFFD and moves one byte.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead < 0x80) return ++at, lead;
  if (at + length > text.size() || !is_utf8(text.substr(at, length))) return ++at, kReplacement;
  std::uint32_t point = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i)
    point = (point << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3Fu);
  at += length;
  return point;
}

void write_escape(std::string& out, std::uint32_t point) {
  if (point >= 0x10000) {
    point -= 0x10000;
    fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xD800 + (point >> 10),
                   0xDC00 + (point & 0x3FF));
  } else {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", point);
  }
}

// Python's repr: fixed notation for 1e-4 <= |x| < 1e16, always with ".0" or an exponent of at least two
// digits.
void write_number_to(std::string& out, double number) {
  if (std::isnan(number)) return void(out += "NaN");
  if (std::isinf(number)) return void(out += number < 0 ? "-Infinity" : "Infinity");
  const double size = std::abs(number);
  const bool fixed = number == 0 || (size >= 1e-4 && size < 1e16);
  char buffer[64];
  const auto format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number, format).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  out += text;
  if (fixed && text.find('.') == std::string_view::npos) out += ".0";
}

void newline(std::string& out, int indent) {
  if (indent < 0) return;
  out += '\n';
  out.append(static_cast<std::size_t>(indent) * 2, ' ');
}

// `indent` is the present depth, or negative for compact text.
void write_value(std::string& out, const value& v, int indent) {
  const int inner = indent < 0 ? indent : indent + 1;
  switch (v.kind()) {
    case boost::json::kind::null:
      out += "null";
      return;
    case boost::json::kind::bool_:
      out += v.get_bool() ? "true" : "false";
      return;
    case boost::json::kind::int64:
      fmt::format_to(std::back_inserter(out), "{}", v.get_int64());
      return;
    case boost::json::kind::uint64:
      fmt::format_to(std::back_inserter(out), "{}", v.get_uint64());
      return;
    case boost::json::kind::double_:
      write_number_to(out, v.get_double());
      return;
    case boost::json::kind::string:
      write_string_to(out, v.get_string());
      return;
    case boost::json::kind::array: {
      out += '[';
      bool first = true;
      for (const value& element : v.get_array()) {
        if (!std::exchange(first, false)) out += ',';
        newline(out, inner);
        write_value(out, element, inner);
      }
      if (!first) newline(out, indent);
      out += ']';
      return;
    }
    case boost::json::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& [name, member] : v.get_object()) {
        if (!std::exchange(first, false)) out += ',';
        newline(out, inner);
        write_string_to(out, name);
        out += indent < 0 ? ":" : ": ";
        write_value(out, member, inner);
      }
      if (!first) newline(out, indent);
      out += '}';
      return;
    }
  }
}

bool is_finite(const value& v) {
  if (const double* number = v.if_double()) return std::isfinite(*number);
  if (const array* elements = v.if_array()) return std::all_of(elements->begin(), elements->end(), is_finite);
  if (const object* members = v.if_object())
    return std::all_of(members->begin(), members->end(),
                       [](const auto& member) { return is_finite(member.value()); });
  return true;
}

Error malformed(std::size_t at, std::string_view why) {
  return Error{
      Code::invalid_argument, fmt::format("malformed JSON at byte {}: {}", at, why), "malformed_json", {}};
}

// Takes every event of a document and keeps nothing: the parser itself finds what is wrong.
struct Ignore {
  using error_code = boost::system::error_code;
  using string_view = boost::json::string_view;
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(string_view, std::size_t, error_code&) { return true; }
  bool on_key(string_view, std::size_t, error_code&) { return true; }
  bool on_string_part(string_view, std::size_t, error_code&) { return true; }
  bool on_string(string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return true; }
  bool on_double(double number, string_view, error_code& error) {
    if (!std::isfinite(number)) error = boost::json::error::not_double;
    return !error;
  }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

bool is_plain(char c) {
  return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

// A JSON string that means what stands between its quotes, as nearly all names do.
bool is_plain_string(std::string_view raw) {
  if (raw.size() < 2 || raw.front() != '"' || raw.back() != '"') return false;
  const std::string_view inner = raw.substr(1, raw.size() - 2);
  return std::all_of(inner.begin(), inner.end(), is_plain);
}

// Splits an object or array into its members without decoding values. It only has to find where each value
// ends.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<std::pair<std::string, std::string_view>>> run() {
    std::vector<std::pair<std::string, std::string_view>> found;
    found.reserve(8);  // a message has seven
    skip_space();
    const char open = peek();
    if (open != '{' && open != '[') return malformed(at_, "expected an object or an array");
    const char close = open == '{' ? '}' : ']';
    ++at_;
    skip_space();
    if (peek() == close) return finish(std::move(found));
    for (;;) {
      std::string name;
      if (open == '{') {
        BOOST_OUTCOME_TRY(auto key, take_value());
        if (is_plain_string(key)) {
          name = key.substr(1, key.size() - 2);
        } else {
          BOOST_OUTCOME_TRY(auto decoded, parse(key));
          if (!decoded.is_string()) return malformed(at_, "expected a member name");
          name = decoded.get_string();
        }
        if (peek() != ':') return malformed(at_, "expected ':'");
        ++at_;
      }
      BOOST_OUTCOME_TRY(auto raw, take_value());
      found.emplace_back(std::move(name), raw);
      if (peek() == close) return finish(std::move(found));
      if (peek() != ',') return malformed(at_, "expected ',' or the end");
      ++at_;
    }
  }

 private:
  template <class T>
  Result<T> finish(T found) {
    ++at_;
    skip_space();
    if (at_ != text_.size()) return malformed(at_, "more text after the end");
    return found;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }
  bool skip_string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\')
        ++at_;
      else if (text_[at_] == '"')
        return ++at_, true;
    }
    return false;
  }

  // One value with the space around it; leaves at_ on what follows.
  Result<std::string_view> take_value() {
    skip_space();
    const std::size_t start = at_;
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!skip_string()) break;
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      const bool ends = c == '}' || c == ']';
      if (depth == 0 && (ends || c == ',' || c == ':')) break;
      if (ends) --depth;
      ++at_;
    }
    std::size_t end = std::min(at_, text_.size());
    while (end > start && std::string_view(" \n\r\t").find(text_[end - 1]) != std::string_view::npos) --end;
    if (end == start || at_ >= text_.size()) return malformed(at_, "expected a value");
    return text_.substr(start, end - start);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

void write_to(std::string& out, const value& v) {
  write_value(out, v, -1);
}

std::string write(const value& v) {
  std::string out;
  write_value(out, v, -1);
  return out;
}

std::string write_pretty(const value& v) {
  std::string out;
  write_value(out, v, 0);
  return out;
}

void write_string_to(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t plain = static_cast<std::size_t>(
        std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_plain) -
        text.begin());
    out.append(text, at, plain - at);
    if (plain == text.size()) break;
    at = plain;
    const char c = text[at];
    switch (c) {
      case '"':
        out += "\\\"", ++at;
        break;
      case '\\':
        out += "\\\\", ++at;
        break;
      case '\n':
        out += "\\n", ++at;
        break;
      case '\r':
        out += "\\r", ++at;
        break;
      case '\t':
        out += "\\t", ++at;
        break;
      case '\f':
        out += "\\f", ++at;
        break;
      case '\b':
        out += "\\b", ++at;
        break;
      default:
        write_escape(out, next_code_point(text, at));
    }
  }
  out += '"';
}

std::string write_string(std::string_view utf8) {
  std::string out;
  write_string_to(out, utf8);
  return out;
}

std::string write_number(double number) {
  std::string out;
  write_number_to(out, number);
  return out;
}

Result<value> parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  options.numbers = boost::json::number_precision::precise;  // every double reads back as it was written
  boost::json::stream_parser parser({}, options);
  boost::system::error_code error;
  const std::size_t at = parser.write_some(text, error);
  if (!error && at == text.size()) parser.finish(error);
  if (error) return malformed(at, error.message());
  if (at != text.size()) return malformed(at, "more text after the end");
  value parsed = parser.release();
  // 1e999: it would be written as Infinity, which is not JSON.
  if (!is_finite(parsed)) return malformed(at, "a number is beyond the range of a double");
  return parsed;
}

bool is_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxValueDepth;
  boost::json::basic_parser<Ignore> parser(options);
  boost::system::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  return !error && read == text.size() && parser.done();
}

void drop_non_finite(value& v) {
  if (const double* number = v.if_double(); number && !std::isfinite(*number)) v = nullptr;
  if (array* elements = v.if_array())
    for (value& element : *elements) drop_non_finite(element);
  if (object* members = v.if_object())
    for (auto& member : *members) drop_non_finite(member.value());
}

Result<std::vector<std::pair<std::string, std::string_view>>> members(std::string_view text) {
  return Splitter(text).run();
}

}  // namespace medsynth::json
