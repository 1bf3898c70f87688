// What is shown of a result, and the files that are no page: rows of pairs, and the references in them.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/word_filter.h"
#include "medsynth/references/fields.h"
#include "medsynth/references/report.h"
#include "medsynth/references/report/index.h"

namespace medsynth::references {
namespace {

// A cell that begins with one of these is a formula to a spreadsheet (OWASP, "CSV Injection"), with those of full
// width where it is set to Japanese.
constexpr std::array<std::string_view, 11> kFormula{
    "=", "+", "-", "@", "\t", "\r", "\n", "\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"};

class Row {
 public:
  Row& text(const std::string& value) {
    const bool formula =
        std::any_of(kFormula.begin(), kFormula.end(), [&](auto each) { return value.starts_with(each); });
    std::string cell = formula ? "'" + value : value;
    for (std::size_t at = cell.find('"'); at != std::string::npos; at = cell.find('"', at + 2))
      cell.insert(at, 1, '"');
    return add(cell.find_first_of(",\"\r\n") == std::string::npos ? cell : '"' + cell + '"');
  }
  Row& number(double value) { return add(fmt::format("{:.4g}", value)); }
  Row& number(const std::optional<double>& value) { return value ? number(*value) : add(""); }
  std::string end() && { return std::move(line_) + "\r\n"; }

 private:
  Row& add(const std::string& cell) {
    if (!first_) line_ += ',';
    first_ = false;
    line_ += cell;
    return *this;
  }
  std::string line_;
  bool first_ = true;
};

void add_side(Row& row, const jobs::ArticleClaim& claim, const jobs::ReportedFinding& finding,
              const jobs::ArticleInfo& article) {
  row.text(claim.article_id).text(claim.title).text(plain(article.year)).text(article.journal.value_or(""));
  row.text(article.doi.value_or("")).text(plain(article.pmid));
  row.text(article.retracted.value_or(false) ? "yes" : "").text(finding.direction).text(claim.claim);
  const auto& estimate = finding.estimate;
  row.number(estimate ? std::optional(estimate->value) : std::nullopt);
  row.number(estimate ? estimate->low : std::nullopt).number(estimate ? estimate->high : std::nullopt);
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& each : texts) out += (out.empty() ? "" : "; ") + each;
  return out;
}

}  // namespace

Stance stance_of(const jobs::ReportedFinding& finding) {
  const std::string& direction = finding.direction;
  if (direction == "more" || direction == "better") return Stance::more;
  if (direction == "less" || direction == "worse") return Stance::less;
  if (direction == "no_difference" || direction == "not_associated") return Stance::no_difference;
  return Stance::undirected;
}

Selection select(const jobs::ArticlesResult& result, std::string_view words) {
  const WordFilter wanted(words);
  const Index index(result);
  Selection shown;
  std::set<std::int64_t> matching;
  for (std::size_t i = 0; i < result.questions.size(); ++i) {
    const jobs::Question& question = result.questions[i];
    if (!wanted.matches(question.exposure + " " + question.outcome)) continue;
    shown.questions.push_back(i);
    matching.insert(question.id);
  }
  std::sort(shown.questions.begin(), shown.questions.end(), [&](std::size_t a, std::size_t b) {
    const auto found = [&](std::size_t i) { return result.questions[i].contradictions; };
    return found(a) != found(b) ? found(a) > found(b) : a < b;
  });
  for (std::size_t i = 0; i < result.contradictions.size(); ++i) {
    const jobs::FoundContradiction& pair = result.contradictions[i];
    const jobs::ReportedFinding &a = index.finding(pair.finding1), &b = index.finding(pair.finding2);
    if (matching.count(pair.question) > 0 || wanted.matches(a.exposure + " " + a.outcome) ||
        wanted.matches(b.exposure + " " + b.outcome))
      shown.pairs.push_back(i);
  }
  return shown;
}

std::string csv_report(const Analysis& analysis, const Selection& shown) {
  const Index index(analysis.result);
  std::string out =
      "\xEF\xBB\xBFpair,exposure,outcome,score,confidence,type,differs,"
      "article_1,title_1,year_1,journal_1,doi_1,pmid_1,retracted_1,direction_1,says_1,estimate_1,low_1,high_"
      "1,"
      "article_2,title_2,year_2,journal_2,doi_2,pmid_2,retracted_2,direction_2,says_2,estimate_2,low_2,high_"
      "2,"
      "explanation\r\n";
  for (const std::size_t i : shown.pairs) {
    const jobs::FoundContradiction& pair = analysis.result.contradictions[i];
    const jobs::ReportedFinding& first = index.finding(pair.finding1);
    Row row;
    row.number(static_cast<double>(pair_number(i))).text(first.exposure).text(first.outcome);
    row.number(pair.contradiction_score).text(std::string(described::enum_name(pair.confidence)));
    row.text(std::string(described::enum_name(pair.contradiction_type)));
    row.text(joined(pair.context_differences));
    add_side(row, pair.claim1, first, index.article(pair.claim1.article_id));
    add_side(row, pair.claim2, index.finding(pair.finding2), index.article(pair.claim2.article_id));
    out += std::move(row.text(pair.explanation)).end();
  }
  return out;
}

std::vector<Reference> involved(const Analysis& analysis, const Selection& shown) {
  std::set<std::string_view> ids;
  for (const std::size_t i : shown.pairs) {
    ids.insert(analysis.result.contradictions[i].claim1.article_id);
    ids.insert(analysis.result.contradictions[i].claim2.article_id);
  }
  std::vector<Reference> out;
  for (std::size_t i = 0; i < analysis.articles.size(); ++i)
    if (ids.count(analysis.articles[i].id) > 0) out.push_back(analysis.references[i]);
  return out;
}

}  // namespace medsynth::references
