// Claims of invented questions, each with its answer (tests/literature/questions.jsonl): do those that answer
// otherwise come out as contradictions?
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/findings/question.h"
#include "medsynth/contradiction/findings/statements.h"

#include "figures.h"
#include "labelled.h"

namespace medsynth::bench {
namespace {

struct Answered {
  std::string question, answer, half, claim;
};
BOOST_DESCRIBE_STRUCT(Answered, (), (question, answer, half, claim))

std::vector<Answered> read_answered(const Options& options, std::string_view half) {
  std::vector<Answered> out;
  std::ifstream in(options.labels);
  for (std::string line; std::getline(in, line);) {
    auto parsed = described::parse<Answered>(line);
    if (!parsed) fmt::print(stderr, "{}\n", parsed.error().message), std::exit(1);
    if (parsed->half == half) out.push_back(std::move(*parsed));
  }
  return out;
}

using namespace medsynth::contradiction;

using Scores = std::map<std::pair<std::size_t, std::size_t>, double>;

// By indices of `articles`, which have no ids of their own.
std::vector<std::pair<std::pair<std::size_t, std::size_t>, double>> scores_of(
    std::vector<jobs::Article> articles, inference::Model* model) {
  for (std::size_t i = 0; i < articles.size(); ++i) articles[i].id = std::to_string(i);
  jobs::AnalyzeArticles arguments{.articles = std::move(articles), .threshold = 0};
  const auto result = contradiction::analyze(arguments, {}, {}, {.sentence = model});
  if (!result) fmt::print(stderr, "{}\n", result.error().message), std::exit(1);
  std::vector<std::pair<std::pair<std::size_t, std::size_t>, double>> out;
  for (const jobs::FoundContradiction& each : result->contradictions) {
    const std::size_t a = std::stoul(each.claim1.article_id), b = std::stoul(each.claim2.article_id);
    out.push_back({{std::min(a, b), std::max(a, b)}, each.contradiction_score});
  }
  return out;
}

// Of the claims, and what else stands beside them: articles [claims.size(), ...).
void judge(std::string_view name, const std::vector<Answered>& claims, std::vector<jobs::Article> beside,
           inference::Model* model, std::size_t shown, bool as_abstracts = false) {
  std::vector<jobs::Article> articles;
  for (const Answered& each : claims)
    if (as_abstracts)
      articles.push_back({.abstract = each.claim});
    else
      articles.push_back({.claims = std::vector<std::string>{each.claim}});
  const bool alone = beside.empty();
  articles.insert(articles.end(), beside.begin(), beside.end());
  const auto listed = scores_of(std::move(articles), model);
  const auto one_question = [&](std::size_t a, std::size_t b) {
    return a < claims.size() && b < claims.size() && claims[a].question == claims[b].question;
  };
  const auto holds = [&](std::size_t a, std::size_t b) {
    return one_question(a, b) && claims[a].answer != claims[b].answer;
  };
  Scores scores;
  for (const auto& [pair, score] : listed) {
    double& best = scores[pair];
    best = std::max(best, score);
  }
  std::vector<std::pair<double, std::pair<std::size_t, std::size_t>>> ranked;
  for (const auto& [pair, score] : scores) ranked.push_back({-score, pair});
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::pair<double, bool>> all, within, as_pairs;
  std::size_t true_pairs = 0, compared = 0, top = 0, above = 0, held = 0;
  for (std::size_t a = 0; a < claims.size(); ++a)
    for (std::size_t b = a + 1; b < claims.size(); ++b) {
      const auto found = scores.find({a, b});
      const double score = found == scores.end() ? -1 : found->second;
      true_pairs += holds(a, b), compared += holds(a, b) && score >= 0;
      all.emplace_back(score, holds(a, b));
      if (!one_question(a, b)) continue;
      within.emplace_back(score, holds(a, b));
      if (!alone) continue;
      const auto judged = contradiction::detect({.claim1 = claims[a].claim, .claim2 = claims[b].claim},
                                                {.sentence_model = model}, {});
      as_pairs.emplace_back(judged ? judged->contradiction_score : 0, holds(a, b));
    }
  constexpr std::size_t kTop = 50;
  constexpr double kThreshold = .7;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    const auto& [a, b] = ranked[i].second;
    top += i < kTop && holds(a, b);
    if (-ranked[i].first >= kThreshold) ++above, held += holds(a, b);
    if (i < kTop && !alone && b >= claims.size()) all.emplace_back(-ranked[i].first, false);
  }
  fmt::print("| {} | {} | {} | {} | {:.3f} | {} of {} | {} | {} | {} | {} |\n", name, claims.size(),
             true_pairs, interval(compared, true_pairs), average_precision(all), top,
             std::min(kTop, ranked.size()), auroc(within), auroc(as_pairs), above, interval(held, above));
  if (shown == 0) return;
  const auto text = [&](std::size_t i) { return i < claims.size() ? claims[i].claim : "(abstract)"; };
  for (std::size_t i = 0, printed = 0; i < ranked.size() && printed < shown; ++i) {
    const auto& [a, b] = ranked[i].second;
    if (holds(a, b)) continue;
    fmt::print("wrong {:.3f} #{}{}\n   {}\n   {}\n", -ranked[i].first, i + 1,
               one_question(a, b) ? " one question" : "", text(a), text(b));
    ++printed;
  }
  // Of one question, those that answer otherwise and are weakest.
  std::vector<std::pair<double, std::pair<std::size_t, std::size_t>>> missed;
  for (std::size_t a = 0; a < claims.size(); ++a)
    for (std::size_t b = a + 1; b < claims.size(); ++b)
      if (holds(a, b)) {
        const auto found = scores.find({a, b});
        missed.push_back({found == scores.end() ? -1 : found->second, {a, b}});
      }
  std::sort(missed.begin(), missed.end());
  for (std::size_t i = 0; i < std::min(shown, missed.size()); ++i)
    fmt::print("missed {:.3f}\n   {}\n   {}\n", missed[i].first, text(missed[i].second.first),
               text(missed[i].second.second));
}

}  // namespace

// A line for each pair of claims of one set, of the findings that decide: half, one question, holds, opposition,
// does one alone deny, what meet() says, words of the longer claim, and the two probabilities.
int claim_features(const Options& options) {
  for (const std::string_view half : {"fit", "field_fit", "wide_fit"}) {
    const auto claims = read_answered(options, half);
    std::vector<std::vector<Finding>> findings;
    for (const Answered& each : claims) findings.push_back(read_statement(each.claim, {}));
    for (std::size_t a = 0; a < claims.size(); ++a)
      for (std::size_t b = a + 1; b < claims.size(); ++b) {
        const bool same = claims[a].question == claims[b].question;
        Meeting meeting;
        Opposition opposition{};
        Probability best{-1, 0};
        bool one_denies = false;
        for (const Finding& x : findings[a])
          for (const Finding& y : findings[b]) {
            const Meeting met = meet(x, y, {}, {});
            const Opposition how = oppose(x, y, met.turned);
            const Probability probability = probability_of(met, how, x, y);
            if (std::make_pair(probability.same_question, probability.contradiction) <=
                std::make_pair(best.same_question, best.contradiction))
              continue;
            meeting = met, opposition = how, best = probability, one_denies = x.denies != y.denies;
          }
        if (best.same_question < 0) continue;
        fmt::print("{} {:d} {:d} {} {:d} {:.4f} {:.4f} {:.4f} {:.4f} {:.4f} {:.4f} {} {:.4f} {:.4f} {} {}\n",
                   half, same, same && claims[a].answer != claims[b].answer, described::enum_name(opposition),
                   one_denies, meeting.exposure, meeting.outcome, meeting.words, meeting.shared_words,
                   meeting.other_exposure, meeting.other_outcome,
                   std::max(findings[a][0].words.size(), findings[b][0].words.size()), best.same_question,
                   best.contradiction, a, b);
      }
  }
  return 0;
}

int questions(const Options& options) {
  const auto model = load(options.model);
  const auto articles = read_articles(options);
  std::vector<jobs::Article> some;
  constexpr std::size_t kBeside = 600;
  for (std::size_t i = 0; i < articles.size() && some.size() < kBeside; i += 3) some.push_back(articles[i]);
  fmt::print(
      "| half | claims | opposed pairs | compared | average precision | of the 50 strongest | AUROC on one "
      "question | the same, judged as pairs | at 0.7 | hold |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const std::string_view half :
       {"fit", "held_out", "field_fit", "field_held_out", "wide_fit", "wide_held_out"}) {
    const auto claims = read_answered(options, half);
    const std::size_t shown = half == "fit" ? options.shown : 0;
    judge(half, claims, {}, model.get(), shown);
    if (!some.empty())
      judge(fmt::format("{} as abstracts among them", half), claims, some, model.get(), 0, true);
    if (!some.empty())
      judge(fmt::format("{} among {} abstracts", half, some.size()), claims, some, model.get(), 0);
  }
  return 0;
}

}  // namespace medsynth::bench
