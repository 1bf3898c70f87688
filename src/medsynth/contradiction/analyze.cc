// Many articles: read their findings once, compare those that may be about one question, keep what reaches
// the threshold.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>

#include <fmt/format.h>

#include "medsynth/base/word_filter.h"
#include "medsynth/contradiction/articles.h"
#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/findings/report.h"
#include "medsynth/contradiction/language_model.h"

namespace medsynth::contradiction {
namespace {

// Reading the articles is this part of the progress, comparing findings the rest.
constexpr double kReadingShare = .3;
// With a sentence model, of the rest: embedding costs most.
constexpr double kEmbeddingShare = .8;
constexpr std::size_t kTextsPerBatch = 64;
constexpr std::size_t kMaxEmbedded = 3000;  // sentences: a minute and a half of embedding on two cores
constexpr std::size_t kMostSimilar = 100;   // partners that the embeddings alone find for one finding
constexpr double kSimilar = .4;             // cosine from which two sentences may be about one thing
constexpr std::size_t kMaxReported = 10'000;
constexpr double kSameQuestion = .5;
// Findings of claims that were given, from which on words and embeddings choose what is compared.
constexpr std::size_t kMaxGiven = 600;

// The sentences' embeddings, normalised; findings of one sentence share theirs.
struct Meanings {
  std::vector<std::vector<float>> of;    // by sentence; empty: not embedded
  std::vector<std::size_t> sentence_of;  // by finding
  bool complete = false;
  double cosine(std::size_t a, std::size_t b) const {
    if (of.empty()) return 0;
    const auto &x = of[sentence_of[a]], &y = of[sentence_of[b]];
    return x.empty() || y.empty() ? 0 : std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  }
};

class Comparison {
 public:
  // `least`: the score from which pairs are kept.
  Comparison(double least, const Library& library)
      : least_(least), library_(library), group_of_(library.findings.size(), kNone_) {
    for (const IndexedFinding& each : library.findings) {
      const auto statement = std::make_tuple(each.article, each.claim,
                                             each.claim < 0 ? each.finding.sentence.begin : std::size_t{0});
      if (statement_of_.empty() || statement != last_) {
        statement_of_.push_back(statement_of_.empty() ? 0 : statement_of_.back() + 1);
        last_ = statement;
      } else {
        statement_of_.push_back(statement_of_.back());
      }
    }
  }

  // Findings `other` < `index`, of another article; `index` in order.
  void compare(std::size_t other, std::size_t index, double meaning) {
    const IndexedFinding &a = library_.findings[other], &b = library_.findings[index];
    // The better reading of the two orders of one pair is the same: everything below is symmetric.
    Meeting meeting = meet(a.finding, b.finding, library_.topics[a.article], library_.topics[b.article]);
    meeting.meaning = meaning;
    const Opposition opposition = oppose(a.finding, b.finding, meeting.turned);
    const Probability probability = probability_of(meeting, opposition, a.finding, b.finding);
    ++compared;
    if (probability.same_question >= kSameQuestion) {
      join(other, index, probability.same_question);
      if (opposition == Opposition::agrees && !a.finding.unclear) agreed_.emplace_back(other, index);
    }
    const Hit hit{other, index, probability.contradiction, meeting.turned, opposition};
    const auto [best, fresh] =
        of_statement_.try_emplace(statement_of_[other], probability.same_question, hit);
    auto& [same, kept] = best->second;
    if (!fresh && std::make_pair(probability.same_question, hit.score) > std::make_pair(same, kept.score))
      best->second = {probability.same_question, hit};
  }

  // After the partners of `index` were compared.
  void settle(std::size_t index) {
    // Of two statements, the two findings that meet best say whether they contradict each other.
    if (index + 1 == statement_of_.size() || statement_of_[index + 1] != statement_of_[index]) {
      for (const auto& [statement, best] : of_statement_)
        if (best.second.score >= least_) keep(best.second);
      of_statement_.clear();
    }
    if (best_) {
      const std::size_t group = group_of_[best_->second];
      if (group == kNone_) {
        group_of_[best_->second] = group_of_[index] = groups.size();
        groups.push_back({{best_->second, index}});
      } else {
        group_of_[index] = group;
        groups[group].findings.push_back(index);
      }
    }
    best_.reset();
  }

  // Those that are kept, strongest first; their scores may be changed before hits() is called.
  std::span<Hit> candidates() {
    sort();
    return hits_;
  }

  // From that score on, strongest first; of two articles on one question, the strongest alone.
  std::vector<Hit> hits(double threshold) {
    sort();
    std::erase_if(hits_, [&](const Hit& hit) { return hit.score < threshold; });
    std::set<std::tuple<std::size_t, std::size_t, std::size_t>> seen;
    std::vector<Hit> kept;
    for (const Hit& hit : hits_) {
      const std::size_t one = library_.findings[hit.first].article,
                        two = library_.findings[hit.second].article;
      if (seen.emplace(std::min(one, two), std::max(one, two), group_of(hit)).second) kept.push_back(hit);
    }
    for (const Hit& hit : kept)
      if (const std::size_t group = group_of(hit); group < groups.size()) ++groups[group].contradictions;
    for (const auto& [a, b] : agreed_)
      if (group_of_[a] == group_of_[b] && group_of_[a] < groups.size()) ++groups[group_of_[a]].agreements;
    return kept;
  }

  // groups.size(): of none.
  std::size_t group_of(const Hit& hit) const {
    const std::size_t group = group_of_[hit.first];
    return group == kNone_ || group != group_of_[hit.second] ? groups.size() : group;
  }
  std::int64_t agreements() const { return static_cast<std::int64_t>(agreed_.size()); }

  std::vector<Group> groups;
  std::int64_t compared = 0;

 private:
  static constexpr std::size_t kNone_ = ~std::size_t{0};

  void join(std::size_t other, std::size_t index, double same) {
    // The first finding of a question speaks for it: chains of small steps do not make one question.
    if (const std::size_t group = group_of_[other];
        group != kNone_ && groups[group].findings.front() != other) {
      const std::size_t head = groups[group].findings.front();
      const IndexedFinding &a = library_.findings[head], &b = library_.findings[index];
      const Meeting meeting =
          meet(a.finding, b.finding, library_.topics[a.article], library_.topics[b.article]);
      same = std::min(same, probability_of(meeting, Opposition::agrees, a.finding, b.finding).same_question);
    }
    if (same >= kSameQuestion && (!best_ || same > best_->first)) best_ = {same, other};
  }

  void keep(const Hit& hit) {
    hits_.push_back(hit);
    if (hits_.size() < 8 * kMaxReported) return;
    sort();
    hits_.resize(4 * kMaxReported);
    full = true;
  }
  void sort() {
    std::sort(hits_.begin(), hits_.end(), [](const Hit& a, const Hit& b) {
      return std::make_tuple(-a.score, a.first, a.second) < std::make_tuple(-b.score, b.first, b.second);
    });
  }

  const double least_;
  const Library& library_;
  std::vector<std::size_t> group_of_;      // by finding
  std::vector<std::size_t> statement_of_;  // by finding: a claim that was given, or a sentence
  std::tuple<std::size_t, std::int64_t, std::size_t> last_;
  std::map<std::size_t, std::pair<double, Hit>> of_statement_;  // by the other statement
  std::vector<std::pair<std::size_t, std::size_t>> agreed_;
  std::vector<Hit> hits_;
  std::optional<std::pair<double, std::size_t>> best_;

 public:
  bool full = false;
};

// Which sentences there are, and which of them are embedded: all, or those of the pairs that share most.
class Embedder {
 public:
  Embedder(const jobs::AnalyzeArticles& arguments, const Library& library) {
    std::map<std::tuple<std::size_t, std::int64_t, std::size_t>, std::size_t> known;
    for (const IndexedFinding& each : library.findings) {
      const auto [at, fresh] =
          known.try_emplace({each.article, each.claim, each.finding.sentence.begin}, texts_.size());
      if (fresh) {
        const std::string_view text = text_of(arguments.articles[each.article], each);
        const Span& span = each.finding.sentence;
        texts_.emplace_back(text.substr(span.begin, span.end - span.begin));
      }
      meanings_.sentence_of.push_back(at->second);
    }
  }

  std::size_t sentences() const { return texts_.size(); }

  // `wanted`: findings, the most promising first. Stops when `budget` is over.
  Result<Meanings> embed(inference::Model& model, const std::vector<std::size_t>& wanted, SteadyTime budget,
                         const inference::Until& until, const std::function<void(double)>& progress) {
    std::vector<std::size_t> chosen;
    std::vector<char> taken(texts_.size());
    const auto take = [&](std::size_t sentence) {
      if (chosen.size() < kMaxEmbedded && !taken[sentence]) taken[sentence] = 1, chosen.push_back(sentence);
    };
    for (std::size_t finding : wanted) take(meanings_.sentence_of[finding]);
    if (texts_.size() <= kMaxEmbedded)
      for (std::size_t i = 0; i < texts_.size(); ++i) take(i);
    meanings_.of.resize(texts_.size());
    std::vector<std::string> batch;
    for (std::size_t at = 0; at < chosen.size(); at += batch.size()) {
      if (budget != SteadyTime::max() && system_clock().steady() >= budget) break;
      batch.clear();
      for (std::size_t i = at; i < chosen.size() && batch.size() < kTextsPerBatch; ++i)
        batch.push_back(texts_[chosen[i]]);
      BOOST_OUTCOME_TRY(auto vectors, model.embed(batch, until));
      for (std::size_t i = 0; i < batch.size() && i < vectors.size(); ++i)
        meanings_.of[chosen[at + i]] = std::move(vectors[i]);
      embedded_ += batch.size();
      if (progress) progress(static_cast<double>(at + batch.size()) / static_cast<double>(chosen.size()));
    }
    meanings_.complete = embedded_ == texts_.size();
    return std::move(meanings_);
  }
  std::size_t embedded() const { return embedded_; }

 private:
  std::size_t embedded_ = 0;
  std::vector<std::string> texts_;
  Meanings meanings_;
};

bool is_given(const IndexedFinding& finding) {
  return finding.finding.section == Section::claim;
}

// Partners by words for every finding; of claims that were given all, where they are few.
std::vector<std::vector<std::uint32_t>> all_partners(const Library& library, std::int64_t& left_out) {
  Candidates candidates(library.findings);
  std::vector<std::vector<std::uint32_t>> partners(library.findings.size());
  std::vector<std::uint32_t> given;
  for (std::size_t i = 0; i < library.findings.size(); ++i)
    if (is_given(library.findings[i])) given.push_back(static_cast<std::uint32_t>(i));
  const bool few = given.size() <= kMaxGiven;
  for (std::size_t i = 0; i < library.findings.size(); ++i) {
    const bool each = few && is_given(library.findings[i]);
    std::int64_t none = 0;
    for (std::size_t other : candidates.partners(i, each ? none : left_out))
      partners[i].push_back(static_cast<std::uint32_t>(other));
    if (!each) continue;
    for (std::uint32_t other : given)
      if (other < i && library.findings[other].article != library.findings[i].article)
        partners[i].push_back(other);
    std::sort(partners[i].begin(), partners[i].end());
    partners[i].erase(std::unique(partners[i].begin(), partners[i].end()), partners[i].end());
  }
  return partners;
}

void add_similar(const Library& library, const Meanings& meanings, std::size_t index,
                 std::vector<std::uint32_t>& partners) {
  std::vector<std::pair<double, std::uint32_t>> near;
  for (std::size_t other = 0; other < index; ++other) {
    if (library.findings[other].article == library.findings[index].article) continue;
    const double cosine = meanings.cosine(other, index);
    if (cosine >= kSimilar) near.emplace_back(-cosine, static_cast<std::uint32_t>(other));
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kMostSimilar) near.resize(kMostSimilar);
  for (const auto& [cosine, other] : near) partners.push_back(other);
  std::sort(partners.begin(), partners.end());
  partners.erase(std::unique(partners.begin(), partners.end()), partners.end());
}

// Findings in the order in which their best pair shares most.
std::vector<std::size_t> most_promising(const Library& library,
                                        const std::vector<std::vector<std::uint32_t>>& partners) {
  std::vector<std::tuple<double, std::uint32_t, std::uint32_t>> pairs;
  for (std::size_t i = 0; i < partners.size(); ++i)
    for (std::uint32_t other : partners[i]) {
      const IndexedFinding &a = library.findings[other], &b = library.findings[i];
      const Meeting meeting =
          meet(a.finding, b.finding, library.topics[a.article], library.topics[b.article]);
      const Probability probability =
          probability_of(meeting, oppose(a.finding, b.finding, meeting.turned), a.finding, b.finding);
      constexpr double kWorthALook = .05;
      if (probability.contradiction >= kWorthALook)
        pairs.emplace_back(-probability.contradiction, other, static_cast<std::uint32_t>(i));
    }
  std::sort(pairs.begin(), pairs.end());
  std::vector<std::size_t> wanted;
  for (const auto& [score, a, b] : pairs) wanted.push_back(a), wanted.push_back(b);
  return wanted;
}

SteadyTime end_of(std::optional<double> budget_seconds) {
  constexpr double kDay = 86'400;
  if (!budget_seconds) return SteadyTime::max();
  return system_clock().steady() + std::chrono::duration_cast<SteadyTime::duration>(
                                       std::chrono::duration<double>(std::min(*budget_seconds, kDay)));
}

// An entailment model reads the candidates, the strongest first, until the budget is over.
Result<> verify(const jobs::AnalyzeArticles& arguments, const Library& library, const AnalysisModels& models,
                const inference::Until& until, const std::function<void(double)>& progress,
                std::span<Hit> candidates, jobs::ArticlesResult& result) {
  constexpr std::size_t kMost = 2000;    // read in an analysis: beyond them nobody looks
  constexpr std::size_t kTogether = 16;  // so that progress moves, and the budget ends it
  constexpr double kSurest = 5;          // log odds, as calibrations take them
  const SteadyTime budget = end_of(arguments.budget_seconds);
  const inference::Until soon{until.stop, std::min(until.deadline, budget)};
  const std::size_t most = std::min(candidates.size(), kMost);
  const auto sentence_of = [&](std::size_t finding) {
    const IndexedFinding& each = library.findings[finding];
    const Span& span = each.finding.sentence;
    return std::string(
        text_of(arguments.articles[each.article], each).substr(span.begin, span.end - span.begin));
  };
  std::size_t read = 0;
  while (read < most && system_clock().steady() < budget) {
    const auto together = candidates.subspan(read, std::min(kTogether, most - read));
    std::vector<inference::TextPair> pairs;
    for (const Hit& hit : together) pairs.push_back({sentence_of(hit.first), sentence_of(hit.second)});
    const auto answers = ask_entailment(*models.entailment, pairs, soon);
    if (!answers && answers.error().code == Code::timeout && system_clock().steady() < until.deadline) break;
    BOOST_OUTCOME_TRY(answers);
    for (std::size_t i = 0; i < together.size(); ++i) {
      const double log_odds = (*answers)[i].log_odds();
      together[i].entailment = (*answers)[i].probability();
      const double moved =
          models.skill.weight * (std::clamp(log_odds, -kSurest, kSurest) - models.skill.centre);
      const double score = together[i].score;
      together[i].score = score / (score + (1 - score) * std::exp(-moved));
    }
    read += together.size();
    progress(static_cast<double>(read) / static_cast<double>(most));
  }
  result.methods_used.emplace_back("entailment");
  if (models.skill.weight == 0)
    result.warnings.emplace_back(
        "The entailment model was not shown to help on findings, or is not calibrated: what it says is shown "
        "and moves no score. `medsynth models use NAME` calibrates it.");
  if (read < candidates.size())
    result.warnings.push_back(fmt::format(
        "The entailment model read {} of {} candidates, the strongest first: {}.", read, candidates.size(),
        read < most ? fmt::format("the budget of {} s was over", *arguments.budget_seconds)
                    : "no more are read in one analysis"));
  return success();
}

// Of what the request's `question` asks for.
void report(const jobs::AnalyzeArticles& arguments, const Library& library, Comparison& comparison,
            jobs::ArticlesResult& result) {
  std::vector<Hit> hits = comparison.hits(arguments.threshold);
  Report out(arguments, library, result);
  const WordFilter asked(arguments.question.value_or(""));
  const auto is_asked = [&](std::size_t finding) { return asked.matches(out.subject(finding)); };
  const auto group_is_asked = [&](std::size_t group) {
    return group < comparison.groups.size() && is_asked(comparison.groups[group].findings.front());
  };
  std::erase_if(hits, [&](const Hit& hit) {
    return !is_asked(hit.first) && !is_asked(hit.second) && !group_is_asked(comparison.group_of(hit));
  });
  result.agreements = comparison.agreements();
  // Questions by the number of their findings; their ids are these ranks.
  std::vector<std::size_t> order(comparison.groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t group) { return !group_is_asked(group); });
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const std::size_t left = comparison.groups[a].findings.size(),
                      right = comparison.groups[b].findings.size();
    return left != right ? left > right : a < b;
  });
  std::vector<std::int64_t> rank(comparison.groups.size() + 1, -1);
  for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<std::int64_t>(i);
  // The most discussed questions first: there are always places for them.
  constexpr std::size_t kSurely = 50;
  std::size_t questions = 0, listed = 0;
  while (questions < std::min(order.size(), kSurely) &&
         out.question(comparison.groups[order[questions]], static_cast<std::int64_t>(questions)))
    ++questions;
  for (const Hit& hit : hits) {
    if (listed >= kMaxReported || !out.contradiction(hit, rank[comparison.group_of(hit)])) break;
    ++listed;
  }
  while (questions < order.size() &&
         out.question(comparison.groups[order[questions]], static_cast<std::int64_t>(questions)))
    ++questions;
  if (listed < hits.size() || comparison.full)
    result.warnings.push_back(
        fmt::format("{} contradictions are listed, the strongest first, of {}{}: `questions` counts all of "
                    "them. Raise the "
                    "threshold, or send fewer articles at once.",
                    listed, comparison.full ? "more than " : "", hits.size()));
  if (questions < order.size())
    result.warnings.push_back(
        fmt::format("{} of {} questions are listed, the most discussed first.", questions, order.size()));
  out.finish();
}

}  // namespace

Result<jobs::ArticlesResult> analyze(const jobs::AnalyzeArticles& arguments, const inference::Until& until,
                                     const AnalysisProgress& progress, const AnalysisModels& models) {
  jobs::ArticlesResult result;
  result.total_articles = static_cast<std::int64_t>(arguments.articles.size());
  result.threshold = arguments.threshold;
  for (const char* method : {"polarity", "statistical", "temporal"}) result.methods_used.emplace_back(method);
  const auto part = [&](double from, double to, std::string_view stage) {
    return [&progress, from, to, stage](double done) {
      if (progress) progress(from + (to - from) * done, stage);
    };
  };
  BOOST_OUTCOME_TRY(
      const Library library,
      read_library(arguments.articles, until, part(0, kReadingShare, "reading articles"), result.warnings));
  result.total_claims = library.claims;
  result.total_findings = static_cast<std::int64_t>(library.findings.size());
  BOOST_OUTCOME_TRY(keep_going(until));
  auto partners = all_partners(library, result.not_compared);
  const double embedded =
      models.sentence ? kReadingShare + (1 - kReadingShare) * kEmbeddingShare : kReadingShare;
  Meanings meanings;
  if (models.sentence) {
    Embedder embedder(arguments, library);
    std::vector<std::size_t> wanted;
    if (embedder.sentences() > kMaxEmbedded || arguments.budget_seconds)
      wanted = most_promising(library, partners);
    if (embedder.sentences() > kMaxEmbedded)
      result.warnings.push_back(
          fmt::format("There are more than {} sentences: pairs were found by their words, and the sentence "
                      "model looked at the "
                      "most promising ones.",
                      kMaxEmbedded));
    BOOST_OUTCOME_TRY(meanings, embedder.embed(*models.sentence, wanted, end_of(arguments.budget_seconds),
                                               until, part(kReadingShare, embedded, "embedding sentences")));
    if (const std::size_t most = std::min(embedder.sentences(), kMaxEmbedded); embedder.embedded() < most)
      result.warnings.push_back(fmt::format(
          "The budget of {} s was over when the sentence model had looked at {} of {} sentences, the "
          "most promising first: all others were compared by their words.",
          *arguments.budget_seconds, embedder.embedded(), most));
  }
  // What a model may raise above the threshold begins below it.
  constexpr double kCandidate = .5;
  const bool verifies = models.entailment && arguments.budget_seconds.value_or(1) > 0;
  Comparison comparison(arguments.threshold * (verifies ? kCandidate : 1), library);
  const double compared = verifies ? (1 + embedded) / 2 : 1;
  const auto comparing = part(embedded, compared, "comparing findings");
  for (std::size_t i = 0; i < library.findings.size(); ++i) {
    if (i % 64 == 0) {
      BOOST_OUTCOME_TRY(keep_going(until));
    }
    if (meanings.complete) add_similar(library, meanings, i, partners[i]);
    for (const std::uint32_t other : partners[i]) comparison.compare(other, i, meanings.cosine(other, i));
    comparison.settle(i);
    partners[i] = {};
    if (i % 64 == 0) comparing(static_cast<double>(i) / static_cast<double>(library.findings.size()));
  }
  result.pairs_compared = comparison.compared;
  if (result.not_compared > 0)
    result.warnings.push_back(
        fmt::format("There are more pairs about the same things than are compared one by one: at least {} "
                    "were not. Of each "
                    "finding, those that say otherwise were compared first.",
                    result.not_compared));
  comparing(1);
  if (verifies) {
    BOOST_OUTCOME_TRY(verify(arguments, library, models, until, part(compared, 1, "reading candidates"),
                             comparison.candidates(), result));
  }
  report(arguments, library, comparison, result);
  return result;
}

}  // namespace medsynth::contradiction
