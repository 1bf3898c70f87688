#include "medsynth/references/report.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace medsynth::references {
namespace {

using Indices = std::vector<std::size_t>;

jobs::ReportedFinding finding(std::int64_t id, const std::string& exposure, const std::string& outcome,
                              const std::string& direction) {
  jobs::ReportedFinding out;
  out.id = id;
  out.article_id = "a" + std::to_string(id);
  out.exposure = exposure;
  out.outcome = outcome;
  out.direction = direction;
  return out;
}

jobs::Question question(std::int64_t id, const std::string& exposure, const std::string& outcome,
                        std::int64_t contradictions) {
  jobs::Question out;
  out.id = id;
  out.exposure = exposure;
  out.outcome = outcome;
  out.contradictions = contradictions;
  return out;
}

// Two questions, the second with a pair; and a pair of none.
Analysis example(const std::string& title = "A trial", const std::string& claim = "Statins reduced stroke.") {
  Analysis out;
  out.result.questions = {question(0, "vitamin D", "fracture", 0),
                          question(1, "Statins", "ischaemic stroke", 1)};
  out.result.questions[1].findings = {1, 2};
  out.result.findings = {finding(1, "Statins", "stroke", "less"),
                         finding(2, "statin", "stroke", "no_difference"),
                         finding(3, "insulin", "weight", "more"), finding(4, "insulin", "weight", "less")};
  jobs::FoundContradiction pair;
  pair.claim1 = {"a1", title, claim, {{"effect", 8, 15, ""}}};
  pair.claim2 = {"a2", title, claim, {}};
  pair.contradiction_score = .8;
  pair.question = 1;
  pair.finding1 = 1;
  pair.finding2 = 2;
  out.result.contradictions = {pair, pair};
  out.result.contradictions[1].question = -1;
  out.result.contradictions[1].finding1 = 3;
  out.result.contradictions[1].finding2 = 4;
  out.result.articles = {{"a1", title, 123, "10.1000/x", 2019, "J", {}, {}, {}, true}};
  return out;
}

bool contains(std::string_view text, std::string_view what) {
  return text.find(what) != text.npos;
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

// Without words everything, what disagrees first.
TEST(Selection, HasWhatDisagreesFirst) {
  const Selection all = select(example().result, "");
  EXPECT_EQ(all.questions, (Indices{1, 0}));
  EXPECT_EQ(all.pairs, (Indices{0, 1}));
}

// All words must be met, by words that begin alike: not "in" by "insulin".
TEST(Selection, IsOfAllWords) {
  const auto result = example().result;
  EXPECT_EQ(select(result, "statin STROKES").questions, Indices{1});
  EXPECT_EQ(select(result, "statin stroke").pairs, Indices{0});
  EXPECT_EQ(select(result, "insulin").pairs, Indices{1});
  EXPECT_TRUE(select(result, "statin fracture").questions.empty());
  EXPECT_TRUE(select(result, "in").pairs.empty());
}

// A text of an article is never markup, wherever it stands.
TEST(Page, EscapesWhatOthersWrote) {
  const std::string evil = "<script>alert(1)</script>\"'&\xff\x01\u202e\u061c\U000e0041";
  Analysis analysis = example(evil, evil);
  analysis.sources = {{evil, evil, evil, 1, 1, {{1, evil, evil}}}};
  analysis.references = {{.id = evil, .title = evil, .abstract = "", .doi = "10.1000/\"><script>"}};
  analysis.articles = articles_of(analysis.references);
  analysis.duplicates = {{0, analysis.references[0], "doi"}};
  analysis.result.warnings = {evil};
  analysis.result.questions[1].exposure = evil;
  analysis.result.contradictions[0].explanation = evil;
  analysis.result.contradictions[0].context_differences = {evil};
  analysis.provenance = {evil, evil, evil, {{evil, evil}}};
  const std::string page = html_report(analysis, select(analysis.result, ""));
  EXPECT_EQ(count(page, "<script>"), 1u);  // ours
  EXPECT_FALSE(contains(page, "<script>alert"));
  EXPECT_FALSE(contains(page, "\xff") || contains(page, "\x01") || contains(page, "\u202e"));
  EXPECT_FALSE(contains(page, "\u061c") || contains(page, "\U000e0041"));
  EXPECT_TRUE(contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
}

// Offsets are code points: what is marked is what was read, beyond letters of several bytes too.
TEST(Page, MarksByCodePoints) {
  Analysis analysis = example("A trial", "Größe: β reduced it. 😀 no");
  analysis.result.contradictions[0].claim1.evidence = {{"outcome", 0, 5, ""},
                                                       {"effect", 9, 16, ""},
                                                       {"agent", 14, 18, ""},
                                                       {"negation", 23, 25, ""},
                                                       {"estimate", 90, 95, ""}};
  const std::string page = html_report(analysis, select(analysis.result, ""));
  EXPECT_TRUE(contains(page,
                       "<mark class=\"outcome\" title=\"outcome\">Größe</mark>: β <mark class=\"effect\" "
                       "title=\"effect\">reduced</mark> it. 😀 <mark class=\"negation\" "
                       "title=\"negation\">no</mark></blockquote>"));
}

// Only what is well formed becomes a link.
TEST(Page, LinksWhatIsWellFormed) {
  Analysis analysis = example();
  const auto links = [&](const std::string& doi, const json::value& pmid) {
    analysis.result.articles[0].doi = doi;
    analysis.result.articles[0].pmid = pmid;
    return html_report(analysis, select(analysis.result, ""));
  };
  const std::string good = links("10.1000/a<b>", 123);
  EXPECT_TRUE(contains(good, "href=\"https://doi.org/10.1000/a\"") ||
              contains(good, "href=\"https://doi.org/10.1000/a%3Cb%3E\""));
  EXPECT_TRUE(contains(good, "href=\"https://pubmed.ncbi.nlm.nih.gov/123/\""));
  const std::string bad = links("javascript:alert(1)", "0 or 1");
  EXPECT_FALSE(contains(bad, "doi.org/") || contains(bad, "pubmed.ncbi") ||
               contains(bad, "href=\"javascript"));
}

// A result of nothing is a page that says so.
TEST(Page, SaysThatNothingWasFound) {
  const std::string page = html_report({}, {});
  EXPECT_TRUE(contains(page, "No pair reached the threshold"));
  EXPECT_FALSE(contains(page, "data-pair=") && contains(page, "class=\"vote\""));
}

// Estimates beyond all measure, backwards and absent ones are drawn inside of the strip or not at all.
TEST(Page, DrawsAnyEstimate) {
  EXPECT_TRUE(rc::check("no number of a chart is none", [] {
    Analysis analysis = example();
    const auto number = [] { return *rc::gen::element(-1e300, -1.0, 0.0, 1e-9, 0.5, 1.0, 3.0, 1e6, 1e300); };
    for (jobs::ReportedFinding& each : analysis.result.findings)
      each.estimate = jobs::FindingEstimate{*rc::gen::element<std::string>("ratio", "difference"), number(),
                                            number(), number()};
    const std::string page = html_report(analysis, select(analysis.result, ""));
    RC_ASSERT(!contains(page, "\"nan") && !contains(page, "\"inf") && !contains(page, "\"-nan"));
  }));
}

// Cells that a spreadsheet would run stay text, numbers stay numbers.
TEST(Table, HasNoFormulas) {
  for (const char* title :
       {"=1+1", "+1", "-1 or so", "@x", "\tx", "\uff1d1+1", "\uff0bx", "\uff0dx", "\uff20x"}) {
    const Analysis analysis = example(title);
    const std::string table = csv_report(analysis, select(analysis.result, ""));
    EXPECT_TRUE(contains(table, std::string(",'") + title)) << table;
  }
  Analysis analysis = example("A \"quoted\", long\ntitle");
  analysis.result.findings[0].estimate = jobs::FindingEstimate{"difference", -1.5, -2, {}};
  const std::string table = csv_report(analysis, select(analysis.result, ""));
  EXPECT_TRUE(contains(table, "\"A \"\"quoted\"\", long\ntitle\""));
  EXPECT_TRUE(contains(table, ",-1.5,-2,,"));
}

}  // namespace
}  // namespace medsynth::references
