// Many articles: read each claim once, compare those that share words, keep what reaches the threshold.
#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>

#include <fmt/format.h>

#include "medsynth/base/clock.h"
#include "medsynth/contradiction/articles.h"
#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/judge.h"
#include "medsynth/contradiction/verdict.h"

namespace medsynth::contradiction {
namespace {

// Reading the claims is this part of the progress, comparing them the rest.
constexpr double kReadingShare = .3;
// With a sentence model, of the rest: embedding costs most.
constexpr double kEmbeddingShare = .8;
constexpr std::size_t kTextsPerBatch = 64;
// Of text in the result: below the 10 MB at which a result fails its task, with room for escapes.
constexpr std::size_t kMaxReportBytes = 3'000'000;
constexpr std::size_t kMaxReported = 10'000;

Result<> keep_going(const inference::Until& until) {
  if (until.stop.stop_requested()) return Error{Code::cancelled, "The analysis was cancelled.", ""};
  // The one look at the time in this room: it decides when to stop, never what is found.
  if (until.deadline != SteadyTime::max() && system_clock().steady() >= until.deadline)
    return Error{Code::timeout, "The analysis did not end in its time limit. Send fewer articles at once.",
                 ""};
  return success();
}

struct Hit {
  std::size_t first, second;  // claims
  double score;
};

std::string id_of(const jobs::Article& article, std::size_t index) {
  return article.id ? *article.id : fmt::format("article-{}", index + 1);
}

jobs::ArticleClaim side(const jobs::AnalyzeArticles& arguments, const ArticleClaimText& claim,
                        std::vector<jobs::EvidenceSpan> evidence) {
  const jobs::Article& article = arguments.articles[claim.article];
  return {id_of(article, claim.article), article.title.value_or(""), claim.text, std::move(evidence)};
}

// The two claims in the order of their bytes, as detect() has them: both ways round score the same.
Sides ordered(const ArticleClaimText& a, const ArticleClaimText& b) {
  if (b.text < a.text) return {b.claim, b.text, a.claim, a.text};
  return {a.claim, a.text, b.claim, b.text};
}

jobs::FoundContradiction report(const jobs::AnalyzeArticles& arguments,
                                const std::vector<ArticleClaimText>& claims, const Hit& hit) {
  const ArticleClaimText &a = claims[hit.first], &b = claims[hit.second];
  const Sides given{a.claim, a.text, b.claim, b.text};
  Judgement judgement = judge(ordered(a, b));
  if (b.text < a.text) turn(judgement);
  const Band& band = built_in_combination().uncertain;
  PolarityEvidence evidence = evidence_of(judgement, given);
  return {side(arguments, a, std::move(evidence.first)),
          side(arguments, b, std::move(evidence.second)),
          hit.score,
          hit.score >= band.to ? type_of(judgement, a.claim, b.claim, {}, {}) : jobs::ContradictionType::none,
          confidence_of(judgement, hit.score, band, a.claim, b.claim),
          explain(judgement, given)};
}

Result<std::vector<ArticleClaimText>> read_all(const jobs::AnalyzeArticles& arguments,
                                               const inference::Until& until,
                                               const std::function<void(double)>& progress,
                                               jobs::ArticlesResult& result) {
  std::vector<ArticleClaimText> claims;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < arguments.articles.size(); ++i) {
    BOOST_OUTCOME_TRY(keep_going(until));
    std::vector<std::string> texts = claims_of(arguments.articles[i]);
    if (texts.size() > kMaxClaimsPerArticle) texts.resize(kMaxClaimsPerArticle), ++cut;
    for (std::string& text : texts) {
      Claim claim = read_claim(text);
      claims.push_back({i, std::move(text), std::move(claim)});
    }
    if (progress)
      progress(kReadingShare * static_cast<double>(i + 1) / static_cast<double>(arguments.articles.size()));
  }
  if (cut > 0)
    result.warnings.push_back(
        fmt::format("{} articles have more than {} claims: only the first ones were compared.", cut,
                    kMaxClaimsPerArticle));
  return claims;
}

// The claims' embeddings; none when there is no model, or more claims than all can be compared with all.
Result<Embeddings> embed_all(const std::vector<ArticleClaimText>& claims, inference::Model* model,
                             const inference::Until& until, const std::function<void(double)>& progress,
                             jobs::ArticlesResult& result) {
  Embeddings embeddings;
  if (!model) return embeddings;
  if (claims.size() > kMaxEmbedded) {
    result.warnings.push_back(fmt::format(
        "There are more than {} claims: pairs were found by their words alone, without the sentence model.",
        kMaxEmbedded));
    return embeddings;
  }
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < claims.size(); at += texts.size()) {
    texts.clear();
    for (std::size_t i = at; i < claims.size() && texts.size() < kTextsPerBatch; ++i)
      texts.push_back(claims[i].text);
    BOOST_OUTCOME_TRY(auto batch, model->embed(texts, until));
    std::move(batch.begin(), batch.end(), std::back_inserter(embeddings));
    if (progress)
      progress(kReadingShare + (1 - kReadingShare) * kEmbeddingShare *
                                   static_cast<double>(embeddings.size()) /
                                   static_cast<double>(claims.size()));
  }
  return embeddings;
}

Result<std::vector<Hit>> compare_all(const std::vector<ArticleClaimText>& claims,
                                     const Embeddings& embeddings, double threshold,
                                     const inference::Until& until,
                                     const std::function<void(double)>& progress,
                                     jobs::ArticlesResult& result) {
  std::vector<Hit> hits;
  PairFinder finder(claims, embeddings);
  const double done =
      embeddings.empty() ? kReadingShare : kReadingShare + (1 - kReadingShare) * kEmbeddingShare;
  bool cut = false;
  std::size_t compared = 0;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    BOOST_OUTCOME_TRY(keep_going(until));
    for (const std::size_t other : finder.partners(i, cut)) {
      if (++compared % 256 == 0) {
        BOOST_OUTCOME_TRY(keep_going(until));
      }
      const double score = score_of(judge(ordered(claims[other], claims[i])), built_in_combination());
      if (score >= threshold) hits.push_back({other, i, score});
    }
    if (progress)
      progress(done + (1 - done) * static_cast<double>(i + 1) / static_cast<double>(claims.size()));
  }
  if (cut)
    result.warnings.emplace_back(
        "There are more pairs about similar things than are compared at once: those that share most were.");
  result.pairs_compared = static_cast<std::int64_t>(compared);
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) {
    return std::make_tuple(-a.score, a.first, a.second) < std::make_tuple(-b.score, b.first, b.second);
  });
  return hits;
}

}  // namespace

Result<jobs::ArticlesResult> analyze(const jobs::AnalyzeArticles& arguments, const inference::Until& until,
                                     const std::function<void(double)>& progress,
                                     inference::Model* sentence_model) {
  jobs::ArticlesResult result;
  result.total_articles = static_cast<std::int64_t>(arguments.articles.size());
  result.threshold = arguments.threshold;
  for (const char* method : {"polarity", "statistical", "temporal"}) result.methods_used.emplace_back(method);
  BOOST_OUTCOME_TRY(const auto claims, read_all(arguments, until, progress, result));
  result.total_claims = static_cast<std::int64_t>(claims.size());
  BOOST_OUTCOME_TRY(const auto embeddings, embed_all(claims, sentence_model, until, progress, result));
  BOOST_OUTCOME_TRY(const auto hits,
                    compare_all(claims, embeddings, arguments.threshold, until, progress, result));
  std::size_t bytes = 0;
  for (const Hit& hit : hits) {
    jobs::FoundContradiction found = report(arguments, claims, hit);
    bytes += found.claim1.claim.size() + found.claim2.claim.size() + found.claim1.title.size() +
             found.claim2.title.size() + found.explanation.size() + 300 +
             60 * (found.claim1.evidence.size() + found.claim2.evidence.size());
    if (bytes > kMaxReportBytes || result.contradictions.size() >= kMaxReported) {
      result.warnings.push_back(
          fmt::format("{} of {} contradictions are listed, the strongest first: raise the threshold, or send "
                      "fewer articles at once.",
                      result.contradictions.size(), hits.size()));
      break;
    }
    result.contradictions.push_back(std::move(found));
  }
  if (progress) progress(1);
  return result;
}

}  // namespace medsynth::contradiction
