// Each question with its findings, its estimates, and its pairs.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "medsynth/references/report/charts.h"
#include "medsynth/references/report/sections.h"

namespace medsynth::references {
namespace {

constexpr std::array kStances{Stance::more, Stance::less, Stance::no_difference, Stance::undirected};

Html badge(Stance stance, std::string_view word) {
  constexpr std::array<std::string_view, 4> kSigns{"▲ ", "▼ ", "● ", "◆ "};
  return element("span", {{"class", fmt::format("badge {}", stance_class(stance))}},
                 std::string(kSigns[static_cast<std::size_t>(stance)]) + std::string(word));
}

// Bytes of the first `points` code points.
std::size_t bytes_of(std::string_view text, std::int64_t points) {
  std::size_t at = 0;
  for (; at < text.size() && points > 0; --points) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) ++at;
  }
  return at;
}

// The claim with what was read in it marked; of marks that overlap, the first.
Html marked(const jobs::ArticleClaim& claim) {
  std::vector<jobs::EvidenceSpan> spans = claim.evidence;
  std::sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  Html out;
  std::size_t at = 0;
  const std::string_view text = claim.claim;
  for (const jobs::EvidenceSpan& span : spans) {
    const std::size_t from = bytes_of(text, span.begin), to = bytes_of(text, span.end);
    if (from < at || to <= from) continue;
    out += text.substr(at, from - at);
    out += element("mark", {{"class", span.role}, {"title", span.role}}, text.substr(from, to - from));
    at = to;
  }
  return out + text.substr(at);
}

Html side(const Page& page, const jobs::ArticleClaim& claim, std::int64_t finding_id) {
  const jobs::ReportedFinding& finding = page.index.finding(finding_id);
  const Stance stance = stance_of(finding);
  Html badges = badge(stance, word_of(finding));
  if (finding.hedged) badges += Html(" ") + element("span", {{"class", "badge same"}}, "hedged");
  const Html caption =
      element("div", {{"class", "badges"}}, badges) + source_of(page, claim.article_id, claim.title);
  return element("figure", {{"class", fmt::format("side {}", stance_class(stance))}},
                 element("figcaption", {}, caption) + element("blockquote", {}, marked(claim)));
}

Html vote(const std::string& number) {
  const auto button = [](std::string_view value, std::string_view text) {
    return element("button", {{"type", "button"}, {"value", value}, {"aria-pressed", "false"}}, text);
  };
  return element("div",
                 {{"class", "vote"},
                  {"hidden", "hidden"},
                  {"role", "group"},
                  {"aria-label", fmt::format("Your judgement of pair {}", number)}},
                 button("agree", "Agree: they contradict") + button("disagree", "Disagree: they do not"));
}

std::string about(const Page& page, const jobs::FoundContradiction& pair) {
  const jobs::ReportedFinding& first = page.index.finding(pair.finding1);
  return first.exposure + " and " + first.outcome;
}

// `named`: no heading above says what it is about.
Html pair_of(const Page& page, std::size_t index, bool named = false) {
  const jobs::FoundContradiction& pair = page.analysis.result.contradictions[index];
  const std::string number = std::to_string(pair_number(index));
  const std::string heading = fmt::format("pair-{}-heading", number);
  Html out =
      element("div", {{"class", "head"}},
              element("h4", {{"id", heading}}, "Pair " + number + (named ? ": " + about(page, pair) : "")) +
                  element("span", {},
                          fmt::format("score {:.2f}, {} confidence", pair.contradiction_score,
                                      described::enum_name(pair.confidence))) +
                  (pair.contradiction_type == jobs::ContradictionType::statistical
                       ? element("span", {{"class", "soft"}}, "one of them found nothing significant")
                       : Html()));
  out += element("div", {{"class", "sides"}},
                 side(page, pair.claim1, pair.finding1) + side(page, pair.claim2, pair.finding2));
  Html differences;
  for (const std::string& each : pair.context_differences) differences += element("li", {}, each);
  out += differences.empty() ? element("p", {{"class", "soft"}},
                                       "Nothing was seen that differs between the two beside the finding.")
                             : element("p", {{"class", "hidden"}}, "What differs between them:") +
                                   element("ul", {{"class", "chips"}}, differences);
  out += element(
      "details", {},
      element("summary", {}, "How sure, and what it rests on") + element("p", {}, pair.explanation) +
          element("p", {{"class", "soft"}},
                  fmt::format("Of 100 compared pairs with such a score, about {:.0f} contradict each other.",
                              pair.contradiction_score * 100)));
  return element(
      "article",
      {{"class", "pair"}, {"id", "pair-" + number}, {"data-pair", number}, {"aria-labelledby", heading}},
      out + vote(number));
}

// Estimates of one kind, beside each other.
Html forest(const Page& page, const jobs::Question& question, std::string_view kind, std::string_view what) {
  std::vector<jobs::FindingEstimate> estimates;
  std::vector<const jobs::ReportedFinding*> findings;
  for (const std::int64_t id : question.findings) {
    const jobs::ReportedFinding& finding = page.index.finding(id);
    if (!finding.estimate || finding.estimate->kind != kind) continue;
    estimates.push_back(*finding.estimate);
    findings.push_back(&finding);
  }
  if (findings.empty()) return {};
  const Scale scale(estimates);
  Html rows;
  for (const jobs::ReportedFinding* each : findings) {
    const jobs::ArticleInfo& article = page.index.article(each->article_id);
    const std::string year = plain(article.year);
    rows += element("tr", {},
                    element("th", {{"scope", "row"}},
                            (article.title.empty() ? each->article_id : article.title) +
                                (year.empty() ? "" : ", " + year)) +
                        element("td", {}, scale.strip(*each->estimate, stance_of(*each))) +
                        element("td", {}, plain(each->estimate)));
  }
  const auto column = [](std::string_view name) { return element("th", {{"scope", "col"}}, name); };
  return element(
      "table", {{"class", "forest"}},
      element("caption", {}, what) +
          element("thead", {},
                  element("tr", {},
                          column("Article") + column("Where it lies") + column("Estimate (interval)"))) +
          element("tbody", {}, rows) +
          element(
              "tfoot", {{"aria-hidden", "true"}},
              element("tr", {}, element("td", {}) + element("td", {}, scale.axis()) + element("td", {}))));
}

Html finding_of(const Page& page, const jobs::ReportedFinding& finding) {
  Html more;
  if (!finding.population.empty()) more += element("li", {}, "in " + finding.population);
  if (!finding.comparator.empty()) more += element("li", {}, "against " + finding.comparator);
  if (finding.estimate) more += element("li", {}, plain(finding.estimate));
  if (finding.p) more += element("li", {}, fmt::format("p {:g}", *finding.p));
  if (finding.hedged) more += element("li", {}, "hedged");
  return element("li", {{"class", fmt::format("finding {}", stance_class(stance_of(finding)))}},
                 source_of(page, finding.article_id, page.index.article(finding.article_id).title) +
                     element("blockquote", {}, finding.sentence.text) +
                     (more.empty() ? Html() : element("ul", {{"class", "chips"}}, more)));
}

Html findings_by_stance(const Page& page, const jobs::Question& question) {
  std::map<Stance, Html> lists;
  std::map<Stance, std::int64_t> counts;
  for (const std::int64_t id : question.findings) {
    const jobs::ReportedFinding& finding = page.index.finding(id);
    lists[stance_of(finding)] += finding_of(page, finding);
    ++counts[stance_of(finding)];
  }
  Html out;
  for (const Stance stance : kStances)
    if (counts[stance] > 0)
      out += element("div", {},
                     element("p", {},
                             badge(stance, stance_word(stance)) + " " +
                                 count_of(counts[stance], "finding", "findings")) +
                         element("ul", {}, lists[stance]));
  return element("div", {{"class", "stances"}}, out);
}

Html question_of(const Page& page, const jobs::Question& question) {
  const std::string heading = fmt::format("question-{}-heading", question.id);
  Html out = element("h3", {{"id", heading}}, question_name(question));
  out += element("p", {{"class", "soft"}},
                 count_of(question.articles, "article", "articles") + "; " +
                     count_of(question.contradictions, "pair disagrees", "pairs disagree") + ", " +
                     count_of(question.agreements, "agrees", "agree"));
  out += forest(page, question, "ratio", "Ratios: left of 1 is less, right of 1 is more");
  out += forest(page, question, "difference", "Differences: left of 0 is less, right of 0 is more");
  for (const std::size_t i : page.shown.pairs)
    if (page.analysis.result.contradictions[i].question == question.id) out += pair_of(page, i);
  const Html findings = findings_by_stance(page, question);
  out += question.contradictions == 0
             ? findings
             : element("details", {}, element("summary", {}, "All findings on this question") + findings);
  return element(
      "article",
      {{"class", "question"}, {"id", fmt::format("question-{}", question.id)}, {"aria-labelledby", heading}},
      out);
}

Html questions_of(const Page& page, bool disagree) {
  Html out;
  for (const std::size_t i : page.shown.questions) {
    const jobs::Question& question = page.analysis.result.questions[i];
    if ((question.contradictions > 0) == disagree) out += question_of(page, question);
  }
  return out;
}

// Of questions that the result does not list: only one article is on them, or there were too many.
Html other_pairs(const Page& page) {
  Html out;
  for (const std::size_t i : page.shown.pairs) {
    const std::int64_t question = page.analysis.result.contradictions[i].question;
    const bool listed =
        std::any_of(page.shown.questions.begin(), page.shown.questions.end(),
                    [&](std::size_t each) { return page.analysis.result.questions[each].id == question; });
    if (!listed) out += pair_of(page, i, true);
  }
  if (out.empty()) return {};
  return element("h3", {}, "Other pairs") +
         element("p", {{"class", "soft"}}, "Two statements that disagree, outside of the questions above.") +
         out;
}

}  // namespace

Html disagreements(const Page& page) {
  Html out = questions_of(page, true) + other_pairs(page);
  if (out.empty())
    out = element("p", {},
                  fmt::format("No pair reached the threshold of {:g}. That is no proof that the articles "
                              "agree: see what was not compared.",
                              page.analysis.result.threshold));
  else
    out = element("p", {{"class", "soft"}},
                  Html("Marked in the sentences: ") +
                      element("mark", {{"class", "effect same"}}, "what was found") + ", " +
                      element("mark", {}, "about what") + ", " +
                      element("mark", {{"class", "estimate"}}, "the estimate") + ".") +
          out;
  return section("disagreements", "Where the articles disagree", out);
}

Html agreements(const Page& page) {
  Html out = questions_of(page, false);
  if (out.empty()) return {};
  return section(
      "agreements", "Other questions",
      element("p", {{"class", "soft"}}, "Asked by several articles, without a pair from the threshold on.") +
          out);
}

}  // namespace medsynth::references
