// The small charts of the report: SVG by hand, in the page's own colours. Internal to the report. Each says
// in words what it shows, or stands beside the numbers that it shows and is hidden from screen readers.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "medsynth/jobs/jobs.h"
#include "medsynth/references/report.h"
#include "medsynth/references/report/html.h"

namespace medsynth::references {

std::string_view stance_class(Stance stance);                    // of the style sheet
std::string_view stance_word(Stance stance);                     // "more", "no difference"
std::string_view word_of(const jobs::ReportedFinding& finding);  // the same, but an association is "linked"

// A circle whose area grows with `count`, the largest for `largest`, and the number in it.
Html bubble(Stance stance, std::int64_t count, std::int64_t largest);

// What was found when: a mark for each finding of known year.
struct Dated {
  std::int64_t year = 0;
  Stance stance = Stance::undirected;
};
struct Years {
  std::int64_t first = 0, last = 0;
};
Html years_strip(const std::vector<Dated>& findings, const Years& years);
Html years_axis(const Years& years);

// Where estimates of one kind lie: ratios on a logarithmic scale around 1, differences around 0.
class Scale {
 public:
  explicit Scale(const std::vector<jobs::FindingEstimate>& estimates);
  Html strip(const jobs::FindingEstimate& estimate, Stance stance) const;
  Html axis() const;

 private:
  double at(double value) const;  // percent of the strip, clamped
  bool ratio_ = false;
  double low_ = 0, high_ = 1;  // on the scale
};

}  // namespace medsynth::references
