// Questions by what is found, and by when.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "medsynth/references/fields.h"
#include "medsynth/references/report/charts.h"
#include "medsynth/references/report/sections.h"

namespace medsynth::references {
namespace {

constexpr std::size_t kMaxRows = 40;  // more is no overview; all are below

std::vector<Dated> dated(const Page& page, const jobs::Question& question) {
  std::vector<Dated> out;
  for (const std::int64_t id : question.findings) {
    const jobs::ReportedFinding& finding = page.index.finding(id);
    if (const auto year = year_in(plain(page.index.article(finding.article_id).year)))
      out.push_back({*year, stance_of(finding)});
  }
  return out;
}

Html name(const jobs::Question& question) {
  return element("th", {{"scope", "row"}},
                 element("a", {{"href", fmt::format("#question-{}", question.id)}}, question_name(question)));
}

class Map {
 public:
  explicit Map(const Page& page) : page_(page) {
    for (const std::size_t i : page.shown.questions) {
      if (rows_.size() == kMaxRows) break;
      const jobs::Question& question = page.analysis.result.questions[i];
      rows_.push_back({&question, dated(page, question)});
      largest_ =
          std::max({largest_, question.more, question.less, question.no_difference, question.undirected});
      for (const Dated& each : rows_.back().findings) {
        if (!years_) years_ = Years{each.year, each.year};
        years_->first = std::min(years_->first, each.year), years_->last = std::max(years_->last, each.year);
      }
    }
  }

  Html who_finds_what() const {
    Html head = element("th", {{"scope", "col"}}, "Question");
    for (const char* each : {"More", "Less", "No difference", "Not clear"})
      head += element("th", {{"scope", "col"}}, each);
    Html rows;
    for (const Line& each : rows_) {
      const jobs::Question& question = *each.question;
      rows += element("tr", {},
                      name(question) + cell(Stance::more, question.more) + cell(Stance::less, question.less) +
                          cell(Stance::no_difference, question.no_difference) +
                          cell(Stance::undirected, question.undirected));
    }
    return element("table", {{"class", "map"}},
                   element("caption", {},
                           "How many findings say that the first goes with more of the second, with "
                           "less of it, or makes no difference") +
                       element("thead", {}, element("tr", {}, head)) + element("tbody", {}, rows));
  }

  Html when() const {
    if (!years_) return {};
    Html rows;
    for (const Line& each : rows_)
      rows +=
          element("tr", {}, name(*each.question) + element("td", {}, years_strip(each.findings, *years_)));
    const Html axis = element("tr", {}, element("td", {}) + element("td", {}, years_axis(*years_)));
    return element("table", {{"class", "when"}},
                   element("caption", {},
                           "When: ▲ more, ▼ less, ● no difference, ◆ not clear, by the year of the article") +
                       element("thead", {{"class", "hidden"}},
                               element("tr", {},
                                       element("th", {{"scope", "col"}}, "Question") +
                                           element("th", {{"scope", "col"}}, "Findings by year"))) +
                       element("tbody", {}, rows) + element("tfoot", {{"aria-hidden", "true"}}, axis));
  }

  Html left_out() const {
    const std::size_t more = page_.shown.questions.size() - rows_.size();
    if (more == 0) return {};
    return element("p", {{"class", "soft"}},
                   fmt::format("The first {} questions; {} more are below.", kMaxRows, more));
  }

 private:
  struct Line {
    const jobs::Question* question;
    std::vector<Dated> findings;
  };

  Html cell(Stance stance, std::int64_t count) const {
    if (count == 0) return element("td", {{"class", "none"}}, "0");
    return element(
        "td", {},
        bubble(stance, count, largest_) + element("span", {{"class", "hidden"}}, std::to_string(count)));
  }

  const Page& page_;
  std::vector<Line> rows_;
  std::int64_t largest_ = 1;
  std::optional<Years> years_;
};

}  // namespace

Html evidence_map(const Page& page) {
  if (page.shown.questions.empty()) return {};
  const Map map(page);
  return section("map", "Evidence map", map.who_finds_what() + map.when() + map.left_out());
}

}  // namespace medsynth::references
