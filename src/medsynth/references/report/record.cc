// What was not compared and why, and how the report was made.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "medsynth/references/report/sections.h"

namespace medsynth::references {
namespace {

Html details(const Html& summary, const Html& items) {
  return element("details", {}, element("summary", {}, summary) + element("ul", {}, items));
}

Html item_of(const Reference& reference, const Article& article) {
  return element("li", {},
                 (reference.title.empty() ? article.id : reference.title) +
                     (reference.year ? fmt::format(" ({})", *reference.year) : "") + " " +
                     addresses(reference.doi, reference.pmid));
}

template <class Is>
Html articles_that(const Analysis& analysis, std::string_view one, std::string_view many, Is is) {
  Html items;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < analysis.references.size(); ++i) {
    if (!is(analysis.references[i])) continue;
    items += item_of(analysis.references[i], analysis.articles[i]);
    ++count;
  }
  return count == 0 ? Html() : details(count_of(count, one, many), items);
}

Html duplicates_of(const Analysis& analysis) {
  if (analysis.duplicates.empty()) return {};
  Html items;
  for (const Joined::Duplicate& each : analysis.duplicates)
    items += element("li", {},
                     fmt::format("{}: the same {} as “{}”",
                                 each.dropped.title.empty() ? "A record without a title" : each.dropped.title,
                                 each.why, analysis.references.at(each.kept).title));
  return details(
      count_of(static_cast<std::int64_t>(analysis.duplicates.size()), "duplicate was joined with its article",
               "duplicates were joined with their articles"),
      items);
}

Html reading_warnings(const Analysis& analysis) {
  Html items;
  std::int64_t count = 0;
  for (const Source& source : analysis.sources) {
    for (const Warning& each : source.warnings) {
      const std::string file = source.name + (each.file.empty() ? "" : ":" + each.file);
      items += element("li", {},
                       element("code", {}, each.line > 0 ? fmt::format("{}:{}", file, each.line) : file) +
                           " " + each.detail);
      ++count;
    }
  }
  return count == 0 ? Html()
                    : details(count_of(count, "warning while the files were read",
                                       "warnings while the files were read"),
                              items);
}

class Record {
 public:
  void add(std::string_view name, const Html& value) {
    if (!value.empty()) rows_ += element("dt", {}, name) + element("dd", {}, value);
  }
  Html take() && { return element("dl", {}, rows_); }

 private:
  Html rows_;
};

Html model_of(const jobs::ArticlesResult& result) {
  if (!result.model) return "none: what was found rests on the words and numbers of the texts alone";
  const jobs::ModelUsed& model = *result.model;
  return Html(model.id + (model.description.empty() ? "" : " (" + model.description + ")")) +
         (model.digest.empty() ? Html() : Html(", sha256 ") + element("code", {}, model.digest)) +
         (model.demo ? "; a model for demonstration, whose judgement is not to be relied on" : "");
}

Html files_of(const Analysis& analysis) {
  Html items;
  for (const Source& each : analysis.sources)
    items += element(
        "li", {},
        Html(each.name) +
            fmt::format(": {}, {} references, {} bytes, sha256 ", each.format, each.references, each.bytes) +
            element("code", {}, each.sha256));
  return items.empty() ? items : element("ul", {}, items);
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

Html not_compared(const Page& page) {
  const Analysis& analysis = page.analysis;
  const jobs::ArticlesResult& result = analysis.result;
  const auto without = result.total_articles - static_cast<std::int64_t>(result.articles.size());
  Html out;
  if (without > 0)
    out += element("p", {},
                   count_of(without, "article has", "articles have") +
                       " no finding on a question that another article answers, or none that could be read.");
  if (result.not_compared > 0)
    out +=
        element("p", {},
                Html("At least ") + count_of(result.not_compared, "pair of findings", "pairs of findings") +
                    " on the same things were left out: of a question with very many findings, those "
                    "that say otherwise come first.");
  Html warnings;
  for (const std::string& each : result.warnings) warnings += element("li", {}, each);
  if (!warnings.empty()) out += element("ul", {}, warnings);
  out += articles_that(analysis, "article without an abstract", "articles without an abstract",
                       [](const Reference& each) { return each.abstract.empty(); });
  out += articles_that(analysis, "retracted article, compared like the others and marked",
                       "retracted articles, compared like the others and marked",
                       [](const Reference& each) { return each.retracted; });
  out += duplicates_of(analysis) + reading_warnings(analysis);
  if (out.empty()) out = element("p", {}, "Everything was read and compared.");
  return section("left-out", "What was not compared, and why", out);
}

Html how_it_was_made(const Page& page) {
  const Analysis& analysis = page.analysis;
  const jobs::ArticlesResult& result = analysis.result;
  const Provenance& made = analysis.provenance;
  Record record;
  record.add("Tool", fmt::format("Medsynth {}, medsynth analyze", made.version));
  record.add("Made at", made.created_at);
  record.add("Task", element("code", {}, made.task_id));
  record.add("Took", fmt::format("{:.3g} s", result.duration));
  record.add("Files", files_of(analysis));
  record.add("Model", model_of(result));
  record.add("Methods", joined(result.methods_used));
  record.add("Calibration",
             fmt::format("built in (Medsynth {}), fitted to labelled pairs of abstracts", made.version));
  record.add("Threshold", fmt::format("{:g}", result.threshold));
  for (const auto& [name, value] : made.settings) record.add(name, value);
  record.add(
      "What it is for",
      "Finding pairs of statements that a person should look at. It reads English abstracts, sentence by "
      "sentence; it has not read the full texts, judged risk of bias, or pooled anything.");
  record.add(
      "How far to trust it",
      "A score is how many of 100 such pairs hold. On sentences of abstracts no score has been shown to hold "
      "nine times of ten, so the confidence is medium at best. Pairs are missed: what is not listed may "
      "still "
      "disagree.");
  record.add(
      "Who decides",
      "The people who make the review. Each pair is to be checked against the articles before it is used, "
      "and the use of this tool is to be stated with this record.");
  return section(
      "record", "How this was made",
      element("p", {{"class", "soft"}},
              "For the methods section, as the guidance on responsible use of AI in evidence synthesis "
              "(RAISE) asks.") +
          std::move(record).take());
}

}  // namespace medsynth::references
