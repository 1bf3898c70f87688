#include "medsynth/contradiction/fields.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "medsynth/contradiction/word_list.h"

namespace medsynth::contradiction {
namespace {

enum class Says : std::uint8_t { denied, affirmed, open };

// What a field may be given as value; words joined by '_', the longest first.
struct Value {
  Says says;
  std::string_view words;
};
constexpr std::array kValues{
    Value{Says::denied,
          "no_evidence_of_any none_of_note none_known none_seen none_noted none_reported none_found "
          "none_detected none_identified none_observed none_present none_currently not_present not_seen "
          "not_heard not_detected not_found not_observed not_noted not_reported not_identified not_palpable "
          "not_felt not_elicited not_appreciated not_any ruled_out no_evidence none absent denied denies nil "
          "never no neg negative excluded undetectable undetected false n -"},
    Value{Says::affirmed, "yes present positive pos true y + noted confirmed admitted admits"},
    Value{Says::open,
          "not_known not_assessed not_tested not_done not_recorded not_documented not_applicable n_/_a "
          "unknown pending unclear uncertain ?"},
};

// "HIV test: negative" is a result: the value stays a word of its own.
constexpr WordList kTests(
    "test tests testing culture cultures swab swabs pcr antigen antigens antibody antibodies serology screen "
    "screening assay smear biopsy margin margins node nodes hiv hcv hbv titer titre stain receptor er pr "
    "her2 "
    "result results urinalysis dipstick");
constexpr WordList kResults("negative neg positive pos");
// They may stand behind a value: "none at present", "no since May".
constexpr WordList kWhen(
    "at since on in during today currently now this per before after until for as by when");
// Words of a sentence, not of a field's name.
constexpr WordList kPredicates("is are was were has have had reports reported states shows showed");
constexpr WordList kDenials("no not without never denies denied none absent negative");
constexpr WordList kDenyingNames("denies denied no without absent");
// Symbols: behind a value, closing a bracket, between fields, within the name of one, before a value.
constexpr WordList kEnds(". ; , | ) ]"), kClosing(") ]"), kRows("; |"), kInNames(", / -"),
    kAfterValues(", ; |"), kSeparators(": = | - + ( [");
constexpr std::size_t kLongestField = 10;  // tokens

std::string_view text_at(const std::vector<Token>& tokens, std::size_t at) {
  return at < tokens.size() ? std::string_view(tokens[at].text) : std::string_view();
}

bool ends_value(const std::vector<Token>& tokens, std::size_t at) {
  return at >= tokens.size() || kEnds.has(tokens[at].text);
}

// How many tokens at `at` are the words of `value`; 0: they are not.
std::size_t matches(const std::vector<Token>& tokens, std::size_t at, std::string_view value) {
  std::size_t count = 0;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find('_'), value.size());
    if (text_at(tokens, at + count) != value.substr(0, end)) return 0;
    ++count;
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return count;
}

struct Found {
  Says says = Says::denied;
  std::size_t size = 0;  // tokens; 0: no value
};

Found value_at(const std::vector<Token>& tokens, std::size_t at, bool alone) {
  Found longest;
  for (const Value& value : kValues)
    for (std::string_view rest = value.words; !rest.empty();) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      const std::size_t size = matches(tokens, at, rest.substr(0, end));
      if (size > longest.size) longest = {value.says, size};
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  const std::size_t after = at + longest.size;
  const bool ends = ends_value(tokens, after) || (!alone && kWhen.has(text_at(tokens, after)));
  return longest.size > 0 && ends ? longest : Found{};
}

// Reads one sentence from left to right; `out_` is what it becomes.
class Reader {
 public:
  explicit Reader(const std::vector<Token>& tokens) : tokens_(tokens) { out_.reserve(tokens.size() + 4); }

  std::vector<Token> read() {
    for (std::size_t at = 0; at < tokens_.size();) at = next(at);
    return std::move(out_);
  }

 private:
  std::size_t next(std::size_t at) {
    const Token& token = tokens_[at];
    if (token.kind != TokenKind::symbol) return keep(at);
    if (token.text == ";" || token.text == "|") {
      const bool row = token.text == "|" && try_value(at, at + 1, false);
      if (row) return end_;
      keep(at);
      out_.back().text = ";";
      field_ = out_.size();
      return at + 1;
    }
    if ((token.text == ":" || token.text == "=") && try_value(at, at + 1, false)) return end_;
    if (token.text == "(" || token.text == "[") {
      const std::size_t size = value_at(tokens_, at + 1, true).size;
      if (size > 0 && kClosing.has(text_at(tokens_, at + 1 + size)) && try_value(at, at + 1, true))
        return end_ + 1;
    }
    const std::size_t dashes = token.text == "-" && text_at(tokens_, at + 1) == "-" ? 2 : 1;
    if (token.text == "-" && try_value(at, at + dashes, true)) return end_;
    if ((token.text == "-" || token.text == "+") && try_value(at, at, true)) return end_;
    // "Denies: fever, chills": the field is the denial of its values.
    if (token.text == ":" && out_.size() - field_ <= 3 && !out_.empty() && denies_by_name()) return at + 1;
    if (token.text == ":" && says_itself(at + 1)) {
      out_.resize(field_);
      return at + 1;
    }
    return keep(at);
  }

  // "Smoking status: never smoker", "Pregnancy: not pregnant": the value repeats its field, which asserts
  // nothing.
  bool says_itself(std::size_t value) const {
    constexpr std::size_t kStem = 4;  // letters
    if (out_.size() - field_ > kStem) return false;
    for (std::size_t i = field_; i < out_.size(); ++i) {
      if (out_[i].kind != TokenKind::word || out_[i].text.size() < kStem) continue;
      const std::string_view stem = std::string_view(out_[i].text).substr(0, kStem);
      for (std::size_t at = value; at < tokens_.size() && !kRows.has(tokens_[at].text); ++at)
        if (tokens_[at].text.find(stem) != std::string::npos) return true;
    }
    return false;
  }

  bool denies_by_name() const {
    for (std::size_t i = field_; i < out_.size(); ++i)
      if (kDenyingNames.has(out_[i].text)) return true;
    return out_.size() - field_ >= 2 && out_.back().text == "for" && out_[out_.size() - 2].text == "negative";
  }

  std::size_t keep(std::size_t at) {
    out_.push_back(tokens_[at]);
    return at + 1;
  }

  // Where the name of the field before a separator begins in `out_`; its end when there is none. Parts of a
  // list belong to it as long as they are short and say nothing of their own.
  std::size_t begin_of_field() const {
    std::size_t begin = out_.size();
    for (std::size_t at = out_.size(); at > field_ && out_.size() - at < kLongestField; --at) {
      const Token& token = out_[at - 1];
      const bool separates = token.kind == TokenKind::symbol && !kInNames.has(token.text);
      const bool value = token.kind == TokenKind::number && at < out_.size() && out_[at].text == ",";
      if (separates || value || kPredicates.has(token.text)) break;
      if (token.text != ",") begin = at - 1;
    }
    return begin;
  }

  bool any_in_field(std::size_t begin, const WordList& list) const {
    return std::any_of(out_.begin() + static_cast<std::ptrdiff_t>(begin), out_.end(),
                       [&](const Token& token) { return list.has(token.text); });
  }

  // Takes the value at `at` for the field before `separator`; `end_` is then where it ends.
  bool try_value(std::size_t separator, std::size_t at, bool alone) {
    if (out_.size() <= field_ || out_.back().kind == TokenKind::symbol) return false;
    if (separator == at && (separator == 0 || tokens_[separator - 1].kind != TokenKind::word)) return false;
    const Found found = value_at(tokens_, at, alone);
    if (found.size == 0) return false;
    const std::size_t begin = begin_of_field();
    if (begin == out_.size()) return false;
    const bool result = kResults.has(tokens_[at].text);
    if (result && any_in_field(begin, kTests)) return false;
    end_ = at + found.size;
    const Span span{tokens_[at].span.begin, tokens_[end_ - 1].span.end};
    if (found.says != Says::affirmed && !any_in_field(begin, kDenials)) {
      out_.erase(std::remove_if(out_.begin() + static_cast<std::ptrdiff_t>(begin), out_.end(),
                                [](const Token& token) { return token.text == ","; }),
                 out_.end());
      Token word;
      word.span = span;
      word.text = found.says == Says::denied ? "no" : "unclear";
      out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(begin), std::move(word));
    }
    Token stop;
    stop.kind = TokenKind::symbol;
    stop.span = {span.end, span.end};
    stop.text = ";";
    out_.push_back(std::move(stop));
    field_ = out_.size();
    // The comma or the like behind the value has been said by the stop.
    if (kAfterValues.has(text_at(tokens_, end_))) ++end_;
    return true;
  }

  const std::vector<Token>& tokens_;
  std::vector<Token> out_;
  std::size_t field_ = 0;  // where the field being read begins in `out_`
  std::size_t end_ = 0;
};

}  // namespace

std::vector<Token> order_fields(std::vector<Token> sentence) {
  const bool any = std::any_of(sentence.begin(), sentence.end(), [](const Token& token) {
    return token.kind == TokenKind::symbol && kSeparators.has(token.text);
  });
  return any ? Reader(sentence).read() : sentence;
}

}  // namespace medsynth::contradiction
