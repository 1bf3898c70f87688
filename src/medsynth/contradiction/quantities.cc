#include "medsynth/contradiction/quantities.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
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
        quantity(), at_ = std::max(at_, last_);
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

  void add(Kind kind, double low, double high, Span span) {
    if (out_.quantities.size() < kMost) out_.quantities.push_back({kind, low, high, span});
  }

  static double months_in(std::string_view unit) {
    if (any_of(unit, {"year", "years", "yr", "yrs"})) return 12;
    if (any_of(unit, {"month", "months"})) return 1;
    if (any_of(unit, {"week", "weeks"})) return 12 / 52.18;
    if (any_of(unit, {"day", "days"})) return 12 / 365.25;
    if (any_of(unit, {"hour", "hours", "h"})) return 12 / 365.25 / 24;
    return 0;
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

  void quantity() {
    const auto value = number(at_);
    if (!value) return;
    double low = *value, high = *value;
    const Span span = tokens_[at_].span;
    std::size_t unit_at = at_ + 1;
    // "14 to 21 days", "5-7%"
    if (any_of(word(unit_at), {"to", "-"}) && number(unit_at + 1) && *number(unit_at + 1) > low) {
      high = *number(unit_at + 1);
      unit_at += 2;
      last_ = unit_at - 1;  // its second number is read
    }
    if (unit_at == at_ + 1) bound(low, high);
    const std::string_view unit = word(unit_at);
    if (unit == "-") {  // "28-day"
      if (const double months = months_in(word(unit_at + 1)); months > 0) return;
    }
    if (unit == "%" || unit == "percent") {
      if (any_of(word(unit_at + 1), {"ci", "confidence"})) return;
      add(Kind::percent, low, std::min(high, 100.0), span);
    } else if (const double months = months_in(unit); months > 0) {
      const bool age = any_of(word(unit_at + 1), {"old", "of"}) || any_of(before(1), {"aged", "age"});
      if (age && months == 12)
        add(Kind::years_of_age, low, high, span);
      else
        add(Kind::months, low * months, high * months, span);
    } else if (any_of(before(1), {"aged", "age"}) || any_of(before(2), {"aged", "age"})) {
      add(Kind::years_of_age, low, any_of(unit, {"or"}) ? kEndless : high, span);
    } else if (low >= 1900 && high <= 2100 && tokens_[at_].text.size() == 4 && low == std::floor(low)) {
      last_ = 0;  // "from 1990 to 2000" is a period between two dates
      add(Kind::year, low, high, span);
    } else if (unit == "/" && number(unit_at + 1)) {
      const double whole = *number(unit_at + 1);  // "2/50"
      if (whole >= 5 && low <= whole && low == std::floor(low))
        add(Kind::percent, 100 * low / whole, 100 * low / whole, span), at_ = unit_at + 1;
    } else if (unit == "of" || (unit == "out" && word(unit_at + 1) == "of")) {
      const std::size_t whole_at = unit_at + (unit == "of" ? 1 : 2);
      const auto whole = number(whole_at + (word(whole_at) == "the" ? 1 : 0));
      if (whole && *whole >= low && *whole > 0)
        add(Kind::percent, 100 * low / *whole, 100 * low / *whole, span);
    } else if (any_of(unit, {"mg", "ug", "mcg", "g", "ml", "iu", "kg", "mmol", "units", "cm", "mm"})) {
      double scale = 1;
      if (any_of(unit, {"g"})) scale = 1000;
      if (any_of(unit, {"ug", "mcg"})) scale = .001;
      add(Kind::amount, low * scale, high * scale, span);
    } else {
      const bool decimal = tokens_[at_].text.find('.') != std::string::npos;
      if (!decimal) add(Kind::count, low, high, span);
    }
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
    const auto value_of = [](std::string_view name) -> std::optional<double> {
      constexpr std::array<std::string_view, 11> kNumbers{"zero", "one",   "two",   "three", "four", "five",
                                                          "six",  "seven", "eight", "nine",  "ten"};
      const auto found = std::find(kNumbers.begin(), kNumbers.end(), name);
      if (found == kNumbers.end()) return std::nullopt;
      return static_cast<double>(found - kNumbers.begin());
    };
    const auto named = value_of(here);
    if (!named) return;
    const double value = *named;
    // "one in five"
    if (next == "in") {
      const auto digits = number(at_ + 2);
      const auto whole = digits ? digits : value_of(word(at_ + 2));
      if (whole && *whole > value && value > 0)
        return add(Kind::percent, 100 * value / *whole, 100 * value / *whole, span);
    }
    double low = value, high = value;
    bound(low, high);
    if (const double months = months_in(next); months > 0)
      add(Kind::months, low * months, high * months, span);
  }

  const std::vector<Token>& tokens_;
  Quantities& out_;
  std::size_t at_ = 0;
  std::size_t last_ = 0;  // of a range
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
