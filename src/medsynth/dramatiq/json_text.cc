#include "medsynth/dramatiq/json_text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "medsynth/base/id.h"

namespace medsynth::dramatiq {
namespace {

constexpr int kMaxDepth = 900;  // Python's recursion limit is 1000, and some of it is used by its caller
constexpr std::size_t kMaxDigits = 4300;  // sys.get_int_max_str_digits()

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// What stands for itself in a string. By a table: most of a message is this.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < plain.size(); ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();
bool is_plain(char c) {
  return kPlain[static_cast<unsigned char>(c)];
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// A recursive descent over the grammar; each step is true when it took what it is named after.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool document() { return value(0) && at_ == text_.size(); }
  // The same, and `members` gets those of the outermost object.
  bool object_document(RawMembers& members) {
    members_ = &members;
    space();
    return peek() == '{' && document();
  }
  std::size_t at() const { return at_; }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) { return peek() == c && (++at_, true); }
  bool take(std::string_view word) {
    return text_.substr(at_).starts_with(word) && (at_ += word.size(), true);
  }
  void space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  // With the space around it.
  bool value(int depth) {
    space();
    const bool ok = bare(depth);
    space();
    return ok;
  }

  bool bare(int depth) {
    switch (peek()) {
      case '{':
        return depth < kMaxDepth && object(depth + 1);
      case '[':
        return depth < kMaxDepth && array(depth + 1);
      case '"':
        return string();
      case 't':
        return take("true");
      case 'f':
        return take("false");
      case 'n':
        return take("null");
      case 'N':
        return take("NaN");
      case 'I':
        return take("Infinity");
      default:
        return take("-Infinity") || number();
    }
  }

  bool object(int depth) {
    ++at_;
    space();
    if (take('}')) return true;
    do {
      space();
      const std::size_t name = at_;
      if (!string()) return false;
      const std::string_view key = text_.substr(name, at_ - name);
      space();
      if (!take(':')) return false;
      space();
      const std::size_t start = at_;
      if (!bare(depth)) return false;
      if (members_ && depth == 1) members_->emplace_back(key, text_.substr(start, at_ - start));
      space();
    } while (take(','));
    return take('}');
  }

  bool array(int depth) {
    ++at_;
    space();
    if (take(']')) return true;
    do {
      if (!value(depth)) return false;
    } while (take(','));
    return take(']');
  }

  bool string() {
    if (!take('"')) return false;
    for (;;) {
      at_ = static_cast<std::size_t>(std::find_if_not(text_.begin() + at_, text_.end(), is_plain) -
                                     text_.begin());
      if (take('"')) return true;
      if (!take('\\') || !escape()) return false;
    }
  }

  bool escape() {
    const char c = peek();
    if (std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos && c != '\0') return ++at_, true;
    if (!take('u')) return false;
    for (int i = 0; i < 4; ++i, ++at_)
      if (!is_hex(peek())) return false;
    return true;
  }

  std::size_t digits() {
    const std::size_t start = at_;
    while (is_digit(peek())) ++at_;
    return at_ - start;
  }

  bool number() {
    take('-');
    const std::size_t whole = take('0') ? 1 : digits();
    if (whole == 0) return false;
    bool integer = true;
    if (take('.')) {
      integer = false;
      if (digits() == 0) return false;
    }
    if (take('e') || take('E')) {
      integer = false;
      if (peek() == '+' || peek() == '-') ++at_;
      if (digits() == 0) return false;
    }
    return !integer || whole <= kMaxDigits;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  RawMembers* members_ = nullptr;
};

Error not_utf8() {
  return {Code::invalid_argument, "not UTF-8 text", "malformed_json"};
}
Error malformed(const Reader& reader) {
  return {Code::invalid_argument, fmt::format("malformed JSON at byte {}", reader.at()), "malformed_json"};
}

}  // namespace

Result<> check_json(std::string_view text) {
  if (!is_utf8(text)) return not_utf8();
  Reader reader(text);
  if (reader.document()) return success();
  return malformed(reader);
}

Result<RawMembers> read_object(std::string_view text) {
  if (!is_utf8(text)) return not_utf8();
  Reader reader(text);
  RawMembers members;
  members.reserve(8);  // a message has seven
  if (reader.object_document(members)) return members;
  return malformed(reader);
}

}  // namespace medsynth::dramatiq
