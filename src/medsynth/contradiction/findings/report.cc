#include "medsynth/contradiction/findings/report.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/base/described.h"

namespace medsynth::contradiction {
namespace {

// Of the result: below the 10 MB at which it fails its task, with room for escapes.
constexpr std::size_t kMaxReportBytes = 6'000'000;
constexpr std::size_t kMaxFindingsOfQuestion = 100;

// Unicode code points in the first `bytes` of a text.
std::int64_t points(std::string_view text, std::size_t bytes) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(bytes, text.size()));
  return std::count_if(text.begin(), end,
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

std::string quoted(std::string_view text, const Span& span) {
  return std::string(text.substr(span.begin, span.end - span.begin));
}

// From the first to the last of them.
std::optional<Span> around(const Terms& terms) {
  if (terms.empty()) return std::nullopt;
  Span span = terms.front().span;
  for (const Term& term : terms)
    span.begin = std::min(span.begin, term.span.begin), span.end = std::max(span.end, term.span.end);
  return span;
}

jobs::ContradictionType type_of(const Hit& hit, const Finding& a, const Finding& b) {
  constexpr double kRatherYes = .5;
  if (hit.score < kRatherYes) return jobs::ContradictionType::none;
  return a.statistical != b.statistical ? jobs::ContradictionType::statistical
                                        : jobs::ContradictionType::direct;
}

// `high` needs nine of ten that held among pairs that were held out. Of abstracts no score has shown that
// yet.
jobs::Confidence confidence_of(const Hit& hit, const Finding& a, const Finding& b) {
  constexpr double kNineOfTen = .9, kSixOfTen = .6;
  const bool given = a.section == Section::claim && b.section == Section::claim;
  if (given && hit.score >= kNineOfTen) return jobs::Confidence::high;
  return hit.score >= kSixOfTen ? jobs::Confidence::medium : jobs::Confidence::low;
}

}  // namespace

bool Report::fits(std::size_t bytes) {
  bytes_ += bytes;
  return bytes_ <= kMaxReportBytes;
}

std::int64_t Report::refer(std::size_t finding) {
  referred_.push_back(finding);
  return static_cast<std::int64_t>(finding);
}

std::string Report::exposure_of(std::size_t finding) const {
  const Finding& found = library_.findings[finding].finding;
  if (found.implied) return article(finding).title.value_or("");
  return words_of(found.exposure, text(finding));
}

jobs::ReportedFinding Report::described(std::size_t finding) const {
  const IndexedFinding& indexed = library_.findings[finding];
  const Finding& found = indexed.finding;
  const std::string_view own = text(finding);
  jobs::ReportedFinding out;
  out.id = static_cast<std::int64_t>(finding);
  out.article_id = id_of(article(finding), indexed.article);
  out.section = described::enum_name(found.section);
  out.claim = indexed.claim;
  out.sentence = {points(own, found.sentence.begin), points(own, found.sentence.end),
                  quoted(own, found.sentence)};
  out.exposure = exposure_of(finding);
  out.implied = found.implied;
  out.comparator = words_of(found.comparator, own);
  out.outcome = words_of(found.outcome, own);
  out.population = words_of(found.population, own);
  out.direction = found.unclear ? "unclear" : std::string(described::enum_name(found.direction));
  out.hedged = found.hedged;
  if (found.estimate)
    out.estimate = jobs::FindingEstimate{found.estimate->ratio ? "ratio" : "difference",
                                         found.estimate->value, found.estimate->low, found.estimate->high};
  if (found.p) out.p = found.p->value;
  return out;
}

jobs::ArticleClaim Report::side(std::size_t finding) const {
  const IndexedFinding& indexed = library_.findings[finding];
  const Finding& found = indexed.finding;
  const std::string_view own = text(finding);
  const Span& sentence = found.sentence;
  std::vector<jobs::EvidenceSpan> evidence;
  const auto add = [&](const char* role, const std::optional<Span>& span) {
    if (!span || span->begin < sentence.begin || span->end > sentence.end || span->begin >= span->end) return;
    const std::int64_t from = points(own, sentence.begin);
    evidence.push_back(
        {role, points(own, span->begin) - from, points(own, span->end) - from, quoted(own, *span)});
  };
  add("effect", found.cue);
  add("negation", found.negation);
  if (!found.implied) add("agent", around(found.exposure));
  add("outcome", around(found.outcome));
  if (found.estimate) add("estimate", found.estimate->span);
  return {id_of(article(finding), indexed.article), article(finding).title.value_or(""),
          quoted(own, sentence), std::move(evidence)};
}

std::string Report::says(std::size_t finding) const {
  const Finding& found = library_.findings[finding].finding;
  if (found.unclear || found.property) {
    std::string own = quoted(text(finding), found.sentence);
    if (own.ends_with('.')) own.pop_back();
    return fmt::format("says \u201c{}\u201d", own);
  }
  const std::string exposure = exposure_of(finding), outcome = words_of(found.outcome, text(finding));
  const std::string less = found.exposure_less ? "less of " : "";
  const std::string of = found.outcome_less ? "low or lacking " : "";
  const char* verb = found.direction == Direction::more             ? "goes with more of"
                     : found.direction == Direction::less           ? "goes with less of"
                     : found.direction == Direction::better         ? "improves"
                     : found.direction == Direction::worse          ? "worsens"
                     : found.direction == Direction::associated     ? "is associated with"
                     : found.direction == Direction::not_associated ? "is not associated with"
                                                                    : "makes no difference to";
  return fmt::format("finds that {}\u201c{}\u201d {} {}\u201c{}\u201d", less, exposure, verb, of, outcome);
}

std::string Report::explanation(const Hit& hit, const std::vector<std::string>& differences) const {
  const auto id = [&](std::size_t finding) {
    return id_of(article(finding), library_.findings[finding].article);
  };
  const Finding &a = library_.findings[hit.first].finding, &b = library_.findings[hit.second].finding;
  std::string out =
      fmt::format("{} {}; {} {}.", id(hit.first), says(hit.first), id(hit.second), says(hit.second));
  switch (hit.opposition) {
    case Opposition::opposite:
      out += " The directions are opposite.";
      break;
    case Opposition::null:
      out += a.property && b.property ? " One denies what the other says."
                                      : " One is an effect, the other is none.";
      break;
    case Opposition::unclear:
      out += a.denies != b.denies ? " One of them denies something, the other does not."
                                  : " Whether these exclude each other is not clear.";
      break;
    case Opposition::agrees:
      out += " Both can hold.";
      break;
  }
  for (std::size_t i = 0; i < differences.size(); ++i)
    out += (i == 0 ? " What differs: " : "; ") + differences[i];
  if (!differences.empty()) out += ".";
  return out;
}

std::string Report::subject(std::size_t finding) const {
  return exposure_of(finding) + " " + words_of(library_.findings[finding].finding.outcome, text(finding));
}

bool Report::contradiction(const Hit& hit, std::int64_t question) {
  const Finding &a = library_.findings[hit.first].finding, &b = library_.findings[hit.second].finding;
  jobs::FoundContradiction found;
  found.claim1 = side(hit.first);
  found.claim2 = side(hit.second);
  found.contradiction_score = hit.score;
  found.contradiction_type = type_of(hit, a, b);
  found.confidence = confidence_of(hit, a, b);
  found.context_differences = differences(a, text(hit.first), b, text(hit.second));
  found.explanation = explanation(hit, found.context_differences);
  found.question = question;
  found.finding1 = refer(hit.first);
  found.finding2 = refer(hit.second);
  found.entailment = hit.entailment;
  const std::size_t size = 2 * (found.claim1.claim.size() + found.claim2.claim.size()) +
                           found.claim1.title.size() + found.claim2.title.size() + found.explanation.size() +
                           1600;
  if (!fits(size)) {
    referred_.resize(referred_.size() - 2);
    return false;
  }
  result_.contradictions.push_back(std::move(found));
  return true;
}

bool Report::question(const Group& group, std::int64_t id) {
  jobs::Question out;
  out.id = id;
  out.exposure = exposure_of(group.findings.front());
  out.outcome =
      words_of(library_.findings[group.findings.front()].finding.outcome, text(group.findings.front()));
  out.agreements = group.agreements;
  out.contradictions = group.contradictions;
  std::vector<std::size_t> articles;
  for (std::size_t finding : group.findings) {
    const Finding& found = library_.findings[finding].finding;
    articles.push_back(library_.findings[finding].article);
    if (found.unclear || found.direction == Direction::associated)
      ++out.undirected;
    else if ((found.allowed & kNone) != 0)
      ++out.no_difference;
    else
      ++(found.allowed == kMore ? out.more : out.less);
  }
  std::sort(articles.begin(), articles.end());
  out.articles = std::unique(articles.begin(), articles.end()) - articles.begin();
  const std::size_t listed = std::min(group.findings.size(), kMaxFindingsOfQuestion);
  std::size_t size = 300 + out.exposure.size() + out.outcome.size() + 8 * listed;
  for (std::size_t i = 0; i < listed; ++i)
    size += 400 +
            2 * quoted(text(group.findings[i]), library_.findings[group.findings[i]].finding.sentence).size();
  if (!fits(size)) return false;
  for (std::size_t i = 0; i < listed; ++i) out.findings.push_back(refer(group.findings[i]));
  result_.questions.push_back(std::move(out));
  return true;
}

void Report::finish() {
  std::sort(referred_.begin(), referred_.end());
  referred_.erase(std::unique(referred_.begin(), referred_.end()), referred_.end());
  std::size_t last = arguments_.articles.size();
  for (std::size_t finding : referred_) {
    result_.findings.push_back(described(finding));
    const std::size_t index = library_.findings[finding].article;
    if (index == last) continue;
    last = index;
    const jobs::Article& from = arguments_.articles[index];
    result_.articles.push_back({id_of(from, index), from.title.value_or(""), from.pmid, from.doi, from.year,
                                from.journal, from.authors, from.publication_types, from.language,
                                from.retracted});
  }
}

}  // namespace medsynth::contradiction
