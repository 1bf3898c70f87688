// The page as a whole: its head, its summary, and its parts in order.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "medsynth/references/report.h"
#include "medsynth/references/report/assets.h"
#include "medsynth/references/report/charts.h"
#include "medsynth/references/report/sections.h"

namespace medsynth::references {
namespace {

Html figure(std::int64_t number, std::string_view one, std::string_view many) {
  return element("li", {}, element("b", {}, std::to_string(number)) + (number == 1 ? one : many));
}

// "less (2012)"
std::string side_of(const Page& page, std::int64_t finding_id) {
  const jobs::ReportedFinding& finding = page.index.finding(finding_id);
  const std::string year = plain(page.index.article(finding.article_id).year);
  return std::string(word_of(finding)) + (year.empty() ? "" : " (" + year + ")");
}

Html strongest(const Page& page) {
  constexpr std::size_t kMax = 5;
  Html items;
  for (std::size_t i = 0; i < std::min(page.shown.pairs.size(), kMax); ++i) {
    const std::size_t index = page.shown.pairs[i];
    const jobs::FoundContradiction& pair = page.analysis.result.contradictions[index];
    const jobs::ReportedFinding& first = page.index.finding(pair.finding1);
    const bool retracted = page.index.article(pair.claim1.article_id).retracted.value_or(false) ||
                           page.index.article(pair.claim2.article_id).retracted.value_or(false);
    items +=
        element("li", {},
                element("a", {{"href", fmt::format("#pair-{}", pair_number(index))}},
                        first.exposure + " and " + first.outcome) +
                    fmt::format(": {} against {}; score {:.2f}, {} confidence", side_of(page, pair.finding1),
                                side_of(page, pair.finding2), pair.contradiction_score,
                                described::enum_name(pair.confidence)) +
                    (retracted ? Html(" ") + element("span", {{"class", "badge warn"}}, "one is retracted")
                               : Html()));
  }
  if (items.empty()) return {};
  return element("p", {},
                 page.shown.pairs.size() > kMax ? "The strongest disagreements:" : "The disagreements:") +
         element("ol", {{"class", "top"}}, items);
}

Html summary(const Page& page) {
  const jobs::ArticlesResult& result = page.analysis.result;
  return section("summary", "Summary",
                 element("ul", {{"class", "figures"}},
                         figure(result.total_articles, "article", "articles") +
                             figure(result.total_findings, "finding read", "findings read") +
                             figure(result.pairs_compared, "pair compared", "pairs compared") +
                             figure(static_cast<std::int64_t>(page.shown.questions.size()),
                                    "question with several articles", "questions with several articles") +
                             figure(static_cast<std::int64_t>(page.shown.pairs.size()), "pair disagrees",
                                    "pairs disagree")) +
                     strongest(page));
}

Html link(std::string_view to, std::string_view text) {
  return element("li", {}, element("a", {{"href", to}}, text));
}

// Nothing may be fetched, sent or framed; the style and the script are known by their digests.
std::string policy() {
  return fmt::format(
      "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
      csp_hash(assets::style), csp_hash(assets::script));
}

Html head(const std::string& title) {
  return element(
      "head", {},
      element("meta", {{"charset", "utf-8"}}) +
          element("meta", {{"http-equiv", "Content-Security-Policy"}, {"content", policy()}}) +
          element("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}}) +
          element("meta", {{"name", "referrer"}, {"content", "no-referrer"}}) +
          element("meta", {{"name", "generator"}, {"content", "Medsynth"}}) + element("title", {}, title) +
          element("style", {}, trusted(assets::style)));
}

Html banner(const Page& page, const std::string& title) {
  const Analysis& analysis = page.analysis;
  std::string files;
  for (const Source& each : analysis.sources) files += (files.empty() ? "" : ", ") + each.name;
  const std::string date = analysis.provenance.created_at.substr(0, 10);
  Html links = link("#summary", "Summary");
  if (!page.shown.questions.empty()) links += link("#map", "Evidence map");
  links += link("#disagreements", "Disagreements");
  if (std::any_of(page.shown.questions.begin(), page.shown.questions.end(),
                  [&](std::size_t i) { return analysis.result.questions[i].contradictions == 0; }))
    links += link("#agreements", "Other questions");
  links += link("#left-out", "Not compared") + link("#record", "How it was made");
  return element("header", {},
                 element("h1", {}, title) +
                     element("p", {{"class", "soft"}}, files + (files.empty() ? "" : " · ") + date) +
                     element("nav", {{"aria-label", "Parts of this report"}}, element("ul", {}, links)));
}

Html save_bar(const Page& page) {
  if (page.shown.pairs.empty()) return {};
  return element(
      "div", {{"id", "save"}, {"hidden", "hidden"}},
      element("output", {}) + element("button", {{"type", "button"}}, "Save the labels as a file") +
          element("span", {{"class", "soft"}}, Html("then ") + element("code", {}, "medsynth label FILE")));
}

}  // namespace

Html section(std::string_view id, std::string_view title, const Html& content) {
  const std::string heading = fmt::format("{}-heading", id);
  return element("section", {{"id", id}, {"aria-labelledby", heading}},
                 element("h2", {{"id", heading}}, title) + content);
}

Html count_of(std::int64_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

std::string question_name(const jobs::Question& question) {
  return question.exposure + " and " + question.outcome;
}

Html addresses(std::string_view doi, std::string_view pmid) {
  Html out;
  const auto add = [&](const std::string& address, const std::string& text) {
    if (address.empty()) return;
    if (!out.empty()) out += " · ";
    out += element("a", {{"href", address}, {"rel", "noreferrer"}}, text);
  };
  add(doi_address(doi), "doi:" + std::string(doi));
  add(pmid_address(pmid), "PMID " + std::string(pmid));
  return out;
}

Html source_of(const Page& page, std::string_view article_id, std::string_view title) {
  const jobs::ArticleInfo& article = page.index.article(article_id);
  Html out = element("strong", {}, title.empty() ? article_id : title);
  if (article.retracted.value_or(false))
    out += Html(" ") + element("span", {{"class", "badge warn"}}, "retracted");
  Html where;
  for (const std::string& each : {article.journal.value_or(""), plain(article.year)})
    if (!each.empty()) where += (where.empty() ? Html() : Html(", ")) + Html(each);
  // An id that is a DOI says it where nothing else does.
  const bool named = !article.doi && article_id.starts_with("10.");
  const Html links =
      addresses(named ? article_id : std::string_view(article.doi ? *article.doi : ""), plain(article.pmid));
  if (!links.empty()) where += (where.empty() ? Html() : Html(" · ")) + links;
  if (!where.empty()) out += element("br", {}) + element("span", {{"class", "soft"}}, where);
  return out;
}

std::string html_report(const Analysis& analysis, const Selection& shown) {
  const Index index(analysis.result);
  const Page page{analysis, shown, index};
  const std::string title = "What these articles disagree on";
  const Html body = element("a", {{"class", "skip"}, {"href", "#summary"}}, "Skip to the summary") +
                    banner(page, title) +
                    element("main", {},
                            summary(page) + evidence_map(page) + disagreements(page) + agreements(page) +
                                not_compared(page) + how_it_was_made(page) + save_bar(page)) +
                    element("footer", {},
                            element("p", {},
                                    fmt::format("Made by Medsynth {}. A research aid, not clinical advice.",
                                                analysis.provenance.version))) +
                    element("script", {}, trusted(assets::script));
  return "<!doctype html>\n" +
         element("html", {{"lang", "en"}},
                 head(title) + element("body", {{"data-task", analysis.provenance.task_id}}, body))
             .str() +
         "\n";
}

}  // namespace medsynth::references
