#include "medsynth/references/report/charts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace medsynth::references {
namespace {

// Along a strip places are percents, so that it fills what room there is, and marks keep their size.
constexpr double kFrom = 3, kTo = 97;

std::string number(double value) {
  return fmt::format("{:.4g}", value);
}
std::string percent(double value) {
  return fmt::format("{:.4g}%", value);
}

// From (x1 %, y1) to (x2 %, y2).
Html line(double x1, double y1, double x2, double y2, std::string_view what) {
  return element(
      "line",
      {{"x1", percent(x1)}, {"y1", number(y1)}, {"x2", percent(x2)}, {"y2", number(y2)}, {"class", what}});
}

Html label(double x, double y, std::string_view anchor, const std::string& text) {
  return element("text", {{"x", percent(x)}, {"y", number(y)}, {"text-anchor", anchor}}, text);
}

Html strip_of(double height, std::string_view says, const Html& content) {
  return element("svg",
                 {{"width", "100%"},
                  {"height", number(height)},
                  {"role", says.empty() ? "" : "img"},
                  {"aria-label", says},
                  {"aria-hidden", says.empty() ? "true" : ""}},
                 content);
}

// A shape for each stance, so that nobody needs the colours; at (x %, y), moved by `shift`.
Html mark(Stance stance, double x, double y, double size, double shift = 0) {
  const auto points = [&](std::initializer_list<std::pair<double, double>> corners) {
    std::string out;
    for (const auto& [dx, dy] : corners)
      out += fmt::format("{}{:.4g},{:.4g}", out.empty() ? "" : " ", shift + dx * size, dy * size);
    return out;
  };
  const auto shape = [&]() -> Html {
    const std::string kind = fmt::format("mark {}", stance_class(stance));
    if (stance == Stance::no_difference)
      return element("circle", {{"cx", number(shift)}, {"r", number(size * .85)}, {"class", kind}});
    const std::string corners = stance == Stance::more   ? points({{0, -1}, {1, .8}, {-1, .8}})
                                : stance == Stance::less ? points({{0, 1}, {1, -.8}, {-1, -.8}})
                                                         : points({{0, -1}, {1, 0}, {0, 1}, {-1, 0}});
    return element("polygon", {{"points", corners}, {"class", kind}});
  };
  return element("svg", {{"x", percent(x)}, {"y", number(y)}, {"overflow", "visible"}}, shape());
}

double x_of(double year, const Years& years) {
  const double span = static_cast<double>(years.last - years.first);
  const double part = span > 0 ? (year - static_cast<double>(years.first)) / span : .5;
  return kFrom + part * (kTo - kFrom);
}

}  // namespace

std::string_view stance_class(Stance stance) {
  constexpr std::array<std::string_view, 4> kClasses{"more", "less", "same", "open"};
  return kClasses[static_cast<std::size_t>(stance)];
}

std::string_view stance_word(Stance stance) {
  constexpr std::array<std::string_view, 4> kWords{"more", "less", "no difference", "not clear"};
  return kWords[static_cast<std::size_t>(stance)];
}

std::string_view word_of(const jobs::ReportedFinding& finding) {
  return finding.direction == "associated" ? "linked" : stance_word(stance_of(finding));
}

Html bubble(Stance stance, std::int64_t count, std::int64_t largest) {
  constexpr double kSmallest = 9, kLargest = 19;
  const double part =
      std::sqrt(static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(largest, 1)));
  const double radius = std::max(kSmallest, kLargest * part);
  return element(
      "svg", {{"viewBox", "0 0 40 40"}, {"aria-hidden", "true"}, {"class", stance_class(stance)}},
      element("circle", {{"cx", "20"}, {"cy", "20"}, {"r", number(radius)}, {"class", "bubble"}}) +
          element("text", {{"x", "20"}, {"y", "24.5"}, {"class", "number"}}, std::to_string(count)));
}

Html years_strip(const std::vector<Dated>& findings, const Years& years) {
  constexpr double kHeight = 44, kMark = 5, kGrows = 2;
  std::map<std::pair<std::int64_t, Stance>, int> counts;
  for (const Dated& each : findings) ++counts[{each.year, each.stance}];
  Html out = line(kFrom, kHeight / 2, kTo, kHeight / 2, "guide");
  std::string says;
  for (const auto& [what, count] : counts) {
    const auto& [year, stance] = what;
    // One lane for each, so that those of one year do not cover each other.
    constexpr std::array<double, 4> kLanes{.2, .8, .5, .5};
    const double shift = stance == Stance::undirected ? kMark * 1.6 : 0;
    const double size = std::min(kMark + kGrows * (std::sqrt(count) - 1), kHeight * .25);
    out += mark(stance, x_of(static_cast<double>(year), years),
                kHeight * kLanes[static_cast<std::size_t>(stance)], size, shift);
    says += fmt::format("{}{}: {} {}", says.empty() ? "" : ", ", year, count, stance_word(stance));
  }
  return strip_of(kHeight, says.empty() ? "No year is known" : says, out);
}

Html years_axis(const Years& years) {
  Html out = label(kFrom, 12, "start", std::to_string(years.first));
  if (years.last > years.first) out += label(kTo, 12, "end", std::to_string(years.last));
  return strip_of(16, "", out);
}

Scale::Scale(const std::vector<jobs::FindingEstimate>& estimates) {
  constexpr double kSmallest = .02, kLargest = 50;  // of a ratio: one of 1000 would hide all others
  for (const jobs::FindingEstimate& each : estimates) ratio_ = ratio_ || each.kind == "ratio";
  low_ = high_ = 0;  // no difference; of ratios, the logarithm of 1
  const auto reach = [&](double value) {
    if (ratio_ && value <= 0) return;
    const double there = ratio_ ? std::log(std::clamp(value, kSmallest, kLargest)) : value;
    low_ = std::min(low_, there), high_ = std::max(high_, there);
  };
  for (const jobs::FindingEstimate& each : estimates) {
    reach(each.value);
    if (each.low) reach(*each.low);
    if (each.high) reach(*each.high);
  }
  const double room = high_ > low_ ? (high_ - low_) * .08 : 1;
  low_ -= room, high_ += room;
}

double Scale::at(double value) const {
  const double there = !ratio_ ? value : value > 0 ? std::log(value) : low_;
  const double part = std::clamp((there - low_) / (high_ - low_), 0.0, 1.0);
  return kFrom + part * (kTo - kFrom);
}

Html Scale::strip(const jobs::FindingEstimate& estimate, Stance stance) const {
  constexpr double kHeight = 24, kMiddle = kHeight / 2;
  const double none = at(ratio_ ? 1 : 0);
  Html out = line(none, 0, none, kHeight, "guide");
  if (estimate.low && estimate.high) {
    const double from = at(*estimate.low), to = at(*estimate.high);
    out += line(from, kMiddle, to, kMiddle, "reach");
    for (const double end : {from, to}) out += line(end, kMiddle - 4, end, kMiddle + 4, "reach");
  }
  return strip_of(kHeight, "", out + mark(stance, at(estimate.value), kMiddle, 5));
}

Html Scale::axis() const {
  const double none = at(ratio_ ? 1 : 0);
  const auto value = [&](double there) { return fmt::format("{:.2g}", ratio_ ? std::exp(there) : there); };
  constexpr double kNear = 30;  // percent: labels that would touch
  Html out = line(kFrom, 4, kTo, 4, "axis") + line(none, 0, none, 8, "axis") +
             label(none, 20, "middle", ratio_ ? "1" : "0");
  if (none - kFrom > kNear) out += label(kFrom, 20, "start", value(low_));
  if (kTo - none > kNear) out += label(kTo, 20, "end", value(high_));
  return strip_of(24, "", out);
}

}  // namespace medsynth::references
