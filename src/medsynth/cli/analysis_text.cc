#include "medsynth/cli/analysis_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace medsynth::cli {
namespace {

using references::Analysis;
using references::Selection;

constexpr std::size_t kColumns = 80, kMaxQuestions = 20, kMaxPairs = 50, kQuestion = 38, kTitle = 160,
                      kQuote = 480;

std::size_t points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// `text` in lines of at most kColumns, broken at spaces; `first` stands before the first line, as many spaces
// before the others.
Text wrapped(const std::string& first, std::string_view text) {
  const std::string indent(points(first), ' ');
  Text out;
  std::string line = first;
  bool empty = true;  // nothing but what stands before it
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!empty && points(line) + 1 + points(word) > kColumns) {
      out = out.empty() ? Text(line) : std::move(out.add_line(line));
      line = indent;
      empty = true;
    }
    line.append(empty ? "" : " ").append(word);
    empty = false;
  }
  return out.empty() ? Text(line) : std::move(out.add_line(line));
}

std::string count(std::int64_t number, const char* one, const char* many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

std::string plain(const std::optional<json::value>& value) {
  return value && !value->is_null() ? cli::plain(*value) : "";
}

class Writer {
 public:
  Writer(const Analysis& analysis, const Selection& shown) : result_(analysis.result), shown_(shown) {
    for (const jobs::ArticleInfo& each : result_.articles) articles_[each.article_id] = &each;
    for (const jobs::ReportedFinding& each : result_.findings) findings_[each.id] = &each;
  }

  Text summary() const {
    Text out = fmt::format("{}, {}, {} compared", count(result_.total_articles, "article", "articles"),
                           count(result_.total_findings, "finding", "findings"),
                           count(result_.pairs_compared, "pair", "pairs"));
    return out.add_line(
        fmt::format("{} with a score of {:g} or more",
                    count(static_cast<std::int64_t>(shown_.pairs.size()), "contradiction", "contradictions"),
                    result_.threshold));
  }

  Text questions() const {
    std::vector<Row> rows;
    for (const std::size_t i : shown_.questions) {
      if (rows.size() == kMaxQuestions) break;
      const jobs::Question& each = result_.questions[i];
      const auto number = [](std::int64_t n) { return n == 0 ? std::string("·") : std::to_string(n); };
      rows.push_back({shortened(each.exposure + " – " + each.outcome, kQuestion),
                      std::to_string(each.articles), number(each.more), number(each.less),
                      number(each.no_difference), number(each.contradictions)});
    }
    Text out = table({{"QUESTION"},
                      {"ARTICLES", true},
                      {"MORE", true},
                      {"LESS", true},
                      {"SAME", true},
                      {"DISAGREE", true}},
                     rows);
    if (rows.size() < shown_.questions.size())
      out.add_line(fmt::format("and {} more questions", shown_.questions.size() - rows.size()));
    return out;
  }

  Text pairs(bool details) const {
    Text out;
    std::size_t listed = 0;
    for (const std::size_t i : shown_.pairs) {
      if (listed++ == kMaxPairs) {
        out.add_line("").add_line(fmt::format("and {} more pairs (--html, --csv and --json have all)",
                                              shown_.pairs.size() - kMaxPairs));
        break;
      }
      const jobs::FoundContradiction& pair = result_.contradictions[i];
      if (details || listed == 1) out.add_line("");
      out.add_line(head(i, pair));
      if (!details) continue;
      out.add_line(side(pair.claim1, pair.finding1)).add_line(side(pair.claim2, pair.finding2));
      for (const std::string& each : pair.context_differences) out.add_line(wrapped("    differs: ", each));
    }
    return out;
  }

  Text notes() const {
    Text out;
    for (const std::string& each : result_.warnings) out.add_line("").add_line(wrapped("Note: ", each));
    return out;
  }

 private:
  const jobs::ReportedFinding& finding(std::int64_t id) const {
    static const jobs::ReportedFinding none;
    const auto found = findings_.find(id);
    return found == findings_.end() ? none : *found->second;
  }

  Text head(std::size_t index, const jobs::FoundContradiction& pair) const {
    const jobs::ReportedFinding& first = finding(pair.finding1);
    const std::string number = fmt::format("[{}] ", references::pair_number(index));
    const std::string score =
        fmt::format("{:.2f} {}", pair.contradiction_score, described::enum_name(pair.confidence));
    const std::size_t room = kColumns - points(number) - points(score) - 2;
    const std::string question = shortened(first.exposure + " – " + first.outcome, room - 3);
    const std::size_t gap = room - std::min(room, points(question)) + 2;
    return bold(number + question) + Text(std::string(gap, ' ') + score);
  }

  // What it finds, who says it, and the sentence.
  Text side(const jobs::ArticleClaim& claim, std::int64_t id) const {
    const auto known = articles_.find(claim.article_id);
    std::string source;
    if (known != articles_.end()) source = plain(known->second->year);
    source += (source.empty() ? "" : ", ") + claim.article_id;
    const bool retracted = known != articles_.end() && known->second->retracted.value_or(false);
    Text out = wrapped(
        fmt::format("    {:<6}", word_of(finding(id))),
        fmt::format("{} ({}){}", shortened(claim.title, kTitle), source, retracted ? " [RETRACTED]" : ""));
    return out.add_line(wrapped("          ", "“" + shortened(claim.claim, kQuote) + "”"));
  }

  static std::string word_of(const jobs::ReportedFinding& found) {
    if (found.direction == "no_difference" || found.direction == "not_associated") return "same";
    if (found.direction == "associated") return "linked";
    if (found.direction == "unclear" || found.direction.empty()) return "?";
    return found.direction;
  }

  const jobs::ArticlesResult& result_;
  const Selection& shown_;
  std::map<std::string_view, const jobs::ArticleInfo*> articles_;
  std::map<std::int64_t, const jobs::ReportedFinding*> findings_;
};

}  // namespace

Text analysis_text(const Analysis& analysis, const Selection& shown, bool details) {
  const Writer writer(analysis, shown);
  Text out = writer.summary();
  if (!shown.questions.empty()) out.add_line("").add_line(writer.questions());
  return out + writer.pairs(details) + writer.notes();
}

}  // namespace medsynth::cli
