#include "medsynth/contradiction/quantities.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

namespace medsynth::contradiction {
namespace {

constexpr std::size_t kMost = 64;
constexpr double kEndless = std::numeric_limits<double>::infinity();

bool any_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class Reader {
 public:
  Reader(const std::vector<Token>& tokens, Quantities& out) : tokens_(tokens), out_(out) {}

  void read() {
    for (at_ = 0; at_ < tokens_.size(); ++at_) {
      if (estimate() || p_value()) continue;
      if (tokens_[at_].kind == TokenKind::number)
        digits();
      else if (tokens_[at_].kind == TokenKind::word)
        in_words();
    }
  }

 private:
  std::string_view word(std::size_t at) const {
    return at < tokens_.size() ? std::string_view(tokens_[at].text) : std::string_view();
  }
  std::string_view before(std::size_t steps) const { return steps <= at_ ? word(at_ - steps) : ""; }

  std::optional<double> number(std::size_t at) const {
    if (at >= tokens_.size() || tokens_[at].kind != TokenKind::number) return std::nullopt;
    const std::string& text = tokens_[at].text;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
    // "-0.7": a minus, not a range, when no number stands right before it.
    const bool minus =
        at > 0 && tokens_[at - 1].text == "-" && tokens_[at - 1].span.end == tokens_[at].span.begin;
    const bool range = minus && at > 1 && tokens_[at - 2].kind == TokenKind::number;
    return minus && !range ? -value : value;
  }

  // The next number within `reach` tokens; `at` moves there.
  std::optional<double> next_number(std::size_t& at, std::size_t reach) const {
    for (std::size_t end = at + reach; at < end && at < tokens_.size(); ++at)
      if (const auto found = number(at)) return found;
    return std::nullopt;
  }

  // "HR", "hazard ratio", "mean difference": how many tokens name an estimate here; 0: none.
  std::size_t names_estimate(bool& ratio) const {
    const std::string_view first = word(at_), second = word(at_ + 1);
    ratio = true;
    if (second == "ratio" && any_of(first, {"hazard", "hazards", "odds", "risk", "rate", "incidence"}))
      return 2;
    if (first == "relative" && second == "risk") return 2;
    const bool short_name = any_of(first, {"hr", "or", "rr", "ahr", "aor", "arr", "irr", "shr"});
    if (short_name && tokens_[at_].capitals) return 1;
    if (short_name && tokens_[at_].text.size() > 2 && tokens_[at_].span.end > tokens_[at_].span.begin)
      return 1;
    ratio = false;
    if (second == "difference" && any_of(first, {"mean", "risk", "treatment", "adjusted", "weighted"}))
      return 2;
    return any_of(first, {"smd", "wmd"}) || (first == "md" && tokens_[at_].capitals) ? 1 : 0;
  }

  bool estimate() {
    Estimate found;
    const std::size_t named = names_estimate(found.ratio);
    if (named == 0 || out_.estimates.size() >= kMost) return false;
    std::size_t at = at_ + named;
    const std::size_t from = at;
    // "mean difference in HbA1c with empagliflozin versus placebo was -0.7%"
    const auto value = next_number(at, named > 1 ? 14 : 6);
    if (!value) return false;
    if (found.ratio && (*value <= 0 || *value > 200 || word(at + 1) == "%")) return false;
    for (std::size_t each = from; each < at; ++each)
      if (word(each) == "ci" || word(each) == ";") return false;
    found.value = *value;
    std::size_t end = at;
    interval(at + 1, found, end);
    found.span = {tokens_[at_].span.begin, tokens_[end].span.end};
    out_.estimates.push_back(found);
    at_ = end;
    return true;
  }

  // "(95% CI, 0.60-0.91)", "(0.42 to 0.86)"
  void interval(std::size_t at, Estimate& estimate, std::size_t& end) const {
    const std::size_t last = std::min(tokens_.size(), at + 14);
    for (; at + 2 < last; ++at) {
      if (!number(at) || word(at + 1) == "%") {
        if (any_of(word(at + 1), {"%"}) && any_of(word(at + 2), {"to", "-", ","}) == false) continue;
        if (!number(at)) continue;
      }
      std::size_t second = at + 1;
      if (word(second) == "%") ++second;
      if (!any_of(word(second), {"to", "-", ",", "and"})) continue;
      ++second;
      if (word(second) == "-" && !number(second)) ++second;
      const auto low = number(at), high = number(second);
      if (!low || !high || *low > *high || *low > estimate.value || *high < estimate.value) continue;
      estimate.low = low;
      estimate.high = high;
      end = second;
      return;
    }
  }

  bool p_value() {
    const bool named = word(at_) == "p" || (word(at_) == "p" && word(at_ + 1) == "value");
    if (!named || out_.p_values.size() >= kMost) return false;
    std::size_t at = at_ + 1;
    bool above = false, related = false;
    for (; at < tokens_.size() && at < at_ + 6 && tokens_[at].kind != TokenKind::number; ++at) {
      above |= word(at) == ">";
      related |= any_of(word(at), {"=", "<", ">", "value", "of"});
    }
    const auto value = number(at);
    if (!related || !value || *value < 0 || *value > 1) return false;
    out_.p_values.push_back(
        {above ? std::max(*value, .051) : *value, {tokens_[at_].span.begin, tokens_[at].span.end}});
    at_ = at;
    return true;
  }

  void add(Quantity quantity) {
    if (out_.quantities.size() < kMost) out_.quantities.push_back(quantity);
  }
  void add(Kind kind, double low, double high, Span span) {
    Quantity quantity;
    quantity.kind = kind;
    quantity.low = low;
    quantity.high = high;
    quantity.span = span;
    add(quantity);
  }

  // What stands before a number and makes it a bound.
  void bound(double& low, double& high) const {
    const std::string_view one = before(1), two = before(2);
    if ((one == "than" && any_of(two, {"more", "greater", "higher", "older", "longer", "larger"})) ||
        any_of(one, {"over", "above", ">", "exceeding", "exceeds", "exceeded"}))
      high = kEndless;
    else if ((one == "least" && two == "at") || one == "minimum")
      high = kEndless;
    else if ((one == "than" && any_of(two, {"less", "fewer", "lower", "younger", "shorter", "smaller"})) ||
             any_of(one, {"under", "below", "<"}))
      low = 0;
    else if ((one == "to" && two == "up") || (one == "most" && two == "at") || one == "maximum")
      low = 0;
  }

  void digits() {
    if (const auto value = number(at_)) quantity(*value, 1), at_ = std::max(at_, last_);
  }

  // The number at `at_`, of `size` tokens.
  void quantity(double value, std::size_t size) {
    double low = value, high = value;
    std::size_t unit = at_ + size;
    // "14 to 21 days", "5-7%", "two or three weeks"
    if (any_of(word(unit), {"to", "-", "or"})) {
      const Spelled upper = number_at(unit + 1);
      const bool range = upper.tokens > 0 && upper.value > low;
      if (range && (word(unit) != "or" || is_measured(unit + 1 + upper.tokens))) {
        high = upper.value;
        unit += 1 + upper.tokens;
        last_ = unit - 1;  // its second number is read
      }
    }
    if (unit == at_ + size) bound(low, high);
    const Span span{tokens_[at_].span.begin, tokens_[unit - 1].span.end};
    if (percent(low, high, unit, span) || measured(low, high, unit)) return;
    if (any_of(before(1), {"aged", "age"}) || any_of(before(2), {"aged", "age"}))
      return add(Kind::years_of_age, low, word(unit) == "or" ? kEndless : high, span);
    if (low >= 1900 && high <= 2100 && tokens_[at_].text.size() == 4 && low == std::floor(low)) {
      last_ = 0;  // "from 1990 to 2000" is a period between two dates
      return add(Kind::year, low, high, span);
    }
    if (share(low, unit, span)) return;
    const bool decimal = tokens_[at_].text.find('.') != std::string::npos;
    if (decimal) return fraction(low, high, span);
    if (tokens_[at_].kind == TokenKind::number) add(Kind::count, low, high, span);
  }

  // "a proportion of 0.25"
  void fraction(double low, double high, Span span) {
    for (std::size_t back = 1; back < 4; ++back)
      if (low > 0 && high <= 1 && any_of(before(back), {"proportion", "fraction", "probability", "share"}))
        return add(Kind::percent, 100 * low, 100 * high, span);
  }

  // Digits, or a number in words.
  Spelled number_at(std::size_t at) const {
    if (const auto digits = number(at)) return {*digits, 1};
    return spelled_number(tokens_, at);
  }

  bool is_percent(std::size_t at) const {
    return any_of(word(at), {"%", "percent"}) || (word(at) == "per" && word(at + 1) == "cent");
  }
  bool is_measured(std::size_t at) const { return is_percent(at) || unit_at(tokens_, at, 0).has_value(); }

  bool percent(double low, double high, std::size_t unit, Span span) {
    if (is_percent(unit)) {
      const std::size_t after = unit + (word(unit) == "per" ? 2 : 1);
      if (!any_of(word(after), {"ci", "confidence"})) add(Kind::percent, low, std::min(high, 100.0), span);
      return true;
    }
    constexpr double kFewest = 100;
    const auto whole = word(unit) == "per" ? number(unit + 1) : std::nullopt;  // "3 per 1000"
    if (!whole || *whole < kFewest || low > *whole) return false;
    add(Kind::percent, 100 * low / *whole, 100 * high / *whole, span);
    last_ = std::max(last_, unit + 1);
    return true;
  }

  // "28 days", "500 mcg per day", "5.5 mmol/l"
  bool measured(double low, double high, std::size_t unit) {
    const auto found = unit_at(tokens_, unit, low);
    if (!found) return false;
    const bool time = found->dimension == Dimension::time, hyphen = word(unit) == "-";
    if (hyphen && time) return true;  // "28-day": of what it belongs to
    const std::size_t end = unit + (hyphen ? 1 : 0) + found->tokens;
    const Span span{tokens_[at_].span.begin, tokens_[end - 1].span.end};
    const bool age = any_of(word(end), {"old", "of"}) || any_of(before(1), {"aged", "age"});
    constexpr double kYear = 12;
    last_ = std::max(last_, end - 1);
    if (age && time && found->factor == kYear) return add(Kind::years_of_age, low, high, span), true;
    Quantity out;
    out.kind = time ? Kind::months : Kind::amount;
    out.low = low == 0 ? 0 : low * found->factor + found->offset;
    out.high = high * found->factor + found->offset;
    out.span = span;
    out.dimension = found->dimension;
    out.per = found->per;
    if (out.dimension == Dimension::molar_per_volume) out.molar_mass = molar_mass_of(tokens_);
    add(out);
    return true;
  }

  // "2/50", "12 of 40", "3 out of 4", "one in five"
  bool share(double part, std::size_t at, Span span) {
    std::size_t whole_at = at;
    if (any_of(word(at), {"/", "in", "of"}))
      whole_at = at + 1;
    else if (word(at) == "out" && word(at + 1) == "of")
      whole_at = at + 2;
    else
      return false;
    if (word(whole_at) == "the") ++whole_at;
    const Spelled whole = number_at(whole_at);
    constexpr double kFewest = 5;  // "1/2" and "120/80" are something else
    const bool of_all =
        word(at) == "/" ? whole.value >= kFewest && part == std::floor(part) : whole.value > 0;
    if (whole.tokens == 0 || !of_all || part > whole.value) return false;
    const bool in = word(at) == "in";  // not "in 2 of 3", "2 in 3 days", "5 in 2019"
    if (in &&
        (part <= 0 || part == whole.value || whole.value >= 1900 || is_measured(whole_at + whole.tokens)))
      return false;
    add(Kind::percent, 100 * part / whole.value, 100 * part / whole.value, span);
    last_ = std::max(last_, whole_at + whole.tokens - 1);
    return true;
  }

  // "half of the patients", "most", "none": shares without digits.
  void in_words() {
    const std::string_view here = word(at_), next = word(at_ + 1);
    const Span span = tokens_[at_].span;
    const bool more = any_of(before(1), {"than"}) && any_of(before(2), {"more"});
    const bool less = any_of(before(1), {"than"}) && any_of(before(2), {"less", "fewer"});
    struct Share {
      std::string_view name;
      double percent;
    };
    constexpr std::array<Share, 5> kShares{
        {{"half", 50}, {"quarter", 25}, {"third", 33.3}, {"fifth", 20}, {"tenth", 10}}};
    for (const Share& share : kShares)
      if (here == share.name && (here == "half" || any_of(before(1), {"one", "a"}) || more || less))
        return add(Kind::percent, less ? 0 : share.percent, more ? 100 : share.percent, span);
    if (any_of(here, {"most", "majority"}) && before(1) != "at" && (here == "majority" || next != "common"))
      return add(Kind::percent, 50, 100, span);
    const bool compared = next == "than" || any_of(before(1), {"more", "less", "as", "equally", "most", "a"});
    if (any_of(here, {"rare", "uncommon", "rarely"}) && !compared) return add(Kind::percent, 0, 10, span);
    if (any_of(here, {"minority", "few"})) return add(Kind::percent, 0, 40, span);
    if (here == "none") return add(Kind::percent, 0, 0, span);
    const auto [value, size] = spelled_number(tokens_, at_);
    if (size == 0) return;
    // "two thirds", "three quarters"
    for (const Share& share : kShares)
      if (value > 1 && word(at_ + size) == std::string(share.name) + "s")
        return add(Kind::percent, value * share.percent, value * share.percent, span);
    std::size_t unit = at_ + size;
    if (any_of(word(unit), {"to", "-", "or"}))
      if (const Spelled upper = number_at(unit + 1); upper.tokens > 0) unit += 1 + upper.tokens;
    const bool counted = any_of(word(unit), {"in", "out", "of"});
    if (is_measured(unit) || counted) quantity(value, size), at_ = std::max(at_ + size - 1, last_);
  }

  const std::vector<Token>& tokens_;
  Quantities& out_;
  std::size_t at_ = 0;
  std::size_t last_ = 0;  // the last token that has been read with an earlier one
};

}  // namespace

std::optional<bool> Estimate::significant() const {
  if (!low || !high) return std::nullopt;
  return *low > none() || *high < none();
}

void read_quantities(const std::vector<Token>& tokens, Quantities& out) {
  Reader(tokens, out).read();
}

}  // namespace medsynth::contradiction
