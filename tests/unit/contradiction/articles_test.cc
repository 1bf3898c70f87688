#include "medsynth/contradiction/articles.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/contradiction.h"

#include "unit/contradiction/fake_model.h"

namespace medsynth::contradiction {
namespace {

jobs::Article with_claims(std::vector<std::string> claims) {
  jobs::Article article;
  article.claims = std::move(claims);
  return article;
}

jobs::Article with_abstract(std::string abstract) {
  jobs::Article article;
  article.abstract = std::move(abstract);
  return article;
}

jobs::ArticlesResult analyzed(const jobs::AnalyzeArticles& arguments) {
  auto result = analyze(arguments, {}, nullptr);
  EXPECT_TRUE(result) << result.error().message;
  return *result;
}

// Claims that are given are taken as they are; blank ones are not.
TEST(ClaimsOf, GivenClaimsAreUsed) {
  auto article = with_claims({" Aspirin reduces stroke. ", "  "});
  article.abstract = "Statins reduce mortality.";
  EXPECT_EQ(claims_of(article), std::vector<std::string>{"Aspirin reduces stroke."});
  article.claims = std::vector<std::string>{};
  EXPECT_EQ(claims_of(article), std::vector<std::string>{"Statins reduce mortality."});
}

// Of a structured abstract, the findings of its results and conclusions.
TEST(ClaimsOf, StructuredAbstractGivesResultsAndConclusions) {
  const auto claims =
      claims_of(with_abstract("Background: Aspirin reduces pain. Methods: We randomised 200 patients. "
                              "Results: Aspirin reduced stroke (p = 0.03). "
                              "The mean age was 60 years. Conclusions: Aspirin does not increase bleeding."));
  EXPECT_EQ(claims, (std::vector<std::string>{"Aspirin reduced stroke (p = 0.03).",
                                              "Aspirin does not increase bleeding."}));
}

// Of any other abstract, the sentences with an effect that are no aims.
TEST(ClaimsOf, PlainAbstractGivesFindings) {
  const auto claims =
      claims_of(with_abstract("We aimed to determine whether statins reduce dementia. Patients were followed "
                              "for 3 years. Statins reduced dementia."));
  EXPECT_EQ(claims, std::vector<std::string>{"Statins reduced dementia."});
  EXPECT_TRUE(claims_of(jobs::Article{}).empty());
}

// A small set: the contradiction between two articles is found, with ids, titles, sentences and the figures.
TEST(Analyze, FindsTheContradiction) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Aspirin reduces the risk of stroke.", "Yoga improves sleep."}),
                        with_claims({"Aspirin does not reduce the risk of stroke."}),
                        with_claims({"Metformin lowers glucose."}),
                        with_claims({"Aspirin lowers the risk of stroke."})};
  arguments.articles[0].id = "a";
  arguments.articles[0].title = "First";
  std::vector<double> progress;
  auto result = analyze(arguments, {}, [&](double part) { progress.push_back(part); });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->total_articles, 4);
  EXPECT_EQ(result->total_claims, 5);
  EXPECT_EQ(result->pairs_compared, 3);
  EXPECT_EQ(result->threshold, .7);
  EXPECT_EQ(result->methods_used, (std::vector<std::string>{"polarity", "statistical", "temporal"}));
  ASSERT_EQ(result->contradictions.size(), 2U);
  const auto& found = result->contradictions[0];
  EXPECT_EQ(found.claim1.article_id, "a");
  EXPECT_EQ(found.claim1.title, "First");
  EXPECT_EQ(found.claim1.claim, "Aspirin reduces the risk of stroke.");
  EXPECT_EQ(found.claim2.article_id, "article-2");
  EXPECT_GE(found.contradiction_score, .7);
  EXPECT_EQ(found.contradiction_type, jobs::ContradictionType::direct);
  EXPECT_FALSE(found.explanation.empty());
  EXPECT_EQ(result->contradictions[1].claim2.article_id, "article-4");
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
  EXPECT_EQ(progress.back(), 1);
}

// The score of a pair found in articles is that of the pair alone.
TEST(Analyze, ScoresAsDetectDoes) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Zinc shortens colds."}),
                        with_claims({"Colds were not shortened by zinc."})};
  jobs::DetectContradiction pair;
  pair.claim1 = (*arguments.articles[1].claims)[0];
  pair.claim2 = (*arguments.articles[0].claims)[0];
  pair.use_all_methods = false;
  const auto result = analyzed(arguments);
  ASSERT_EQ(result.contradictions.size(), 1U);
  EXPECT_EQ(result.contradictions[0].contradiction_score, detect(pair, {}, {})->contradiction_score);
}

// Claims of one article are not set against each other, and below the threshold nothing is reported.
TEST(Analyze, ComparesAcrossArticlesFromTheThresholdOn) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Aspirin reduces stroke.", "Aspirin does not reduce stroke."})};
  EXPECT_EQ(analyzed(arguments).pairs_compared, 0);
  arguments.articles = {with_claims({"Aspirin reduces stroke."}),
                        with_claims({"Aspirin does not reduce stroke."})};
  EXPECT_EQ(analyzed(arguments).contradictions.size(), 1U);
  arguments.threshold = 1;
  EXPECT_TRUE(analyzed(arguments).contradictions.empty());
}

// An article with more claims than are compared is cut, and the result says so.
TEST(Analyze, ManyClaimsAreCutWithAWarning) {
  std::vector<std::string> claims;
  for (int i = 0; i < 30; ++i) claims.push_back("Substance" + std::to_string(i) + " reduces stroke.");
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims(claims)};
  const auto result = analyzed(arguments);
  EXPECT_EQ(result.total_claims, static_cast<std::int64_t>(kMaxClaimsPerArticle));
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_NE(result.warnings[0].find("20 claims"), std::string::npos);
}

// Claims that share no word are never compared: the work grows with what is shared.
TEST(Analyze, UnrelatedClaimsAreNotCompared) {
  jobs::AnalyzeArticles arguments;
  for (int i = 0; i < 400; ++i)
    arguments.articles.push_back(
        with_claims({"Substance" + std::to_string(i) + " reduces illness" + std::to_string(i) + "."}));
  EXPECT_EQ(analyzed(arguments).pairs_compared, 0);
}

// When thousands of claims say similar things, the number of pairs stays bounded and the result says so.
TEST(Analyze, PairsAreBoundedWithAWarning) {
  jobs::AnalyzeArticles arguments;
  for (int i = 0; i < 300; ++i)
    arguments.articles.push_back(
        with_claims({"Aspirin reduces stroke in trial number " + std::to_string(i) + "."}));
  const auto result = analyzed(arguments);
  EXPECT_LE(result.pairs_compared, static_cast<std::int64_t>(300 * kMaxPairsPerClaim));
  ASSERT_FALSE(result.warnings.empty());
  EXPECT_NE(result.warnings[0].find("more pairs"), std::string::npos);
}

// A contradiction between claims whose words are in everybody's mouth is still found by the rest of their
// words.
TEST(Analyze, CommonWordsDoNotHideAContradiction) {
  jobs::AnalyzeArticles arguments;
  for (int i = 0; i < 1200; ++i)
    arguments.articles.push_back(
        with_claims({"Substance" + std::to_string(i) + " reduces covid mortality."}));
  arguments.articles.push_back(with_claims({"Ivermectin reduces covid mortality."}));
  arguments.articles.push_back(with_claims({"Ivermectin does not reduce covid mortality."}));
  const auto result = analyzed(arguments);
  ASSERT_EQ(result.contradictions.size(), 1U);
  EXPECT_EQ(result.contradictions[0].claim1.article_id, "article-1201");
}

// A stop that was asked for, and a deadline that has passed, end the analysis as such.
TEST(Analyze, StopsWhenAsked) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Aspirin reduces stroke."}),
                        with_claims({"Aspirin does not reduce stroke."})};
  std::stop_source stop;
  const auto cancelled = analyze(arguments, {.stop = stop.get_token()}, [&](double) { stop.request_stop(); });
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, Code::cancelled);
  const auto late = analyze(arguments, {.deadline = SteadyTime{}}, nullptr);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::timeout);
}

// Each side has the spans that the judgement stands on, within its claim.
TEST(Analyze, ReportsWhereItStands) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Aspirin reduces stroke (HR 0.70, 95% CI 0.60-0.80)."}),
                        with_claims({"Aspirin did not reduce stroke (HR 1.02, 95% CI 0.95-1.10)."})};
  const auto result = analyzed(arguments);
  ASSERT_EQ(result.contradictions.size(), 1U);
  const auto quotes = [](const jobs::ArticleClaim& side) {
    std::vector<std::string> out;
    for (const jobs::EvidenceSpan& each : side.evidence) {
      EXPECT_LE(each.end, static_cast<std::int64_t>(side.claim.size()));
      out.push_back(each.role + ":" +
                    side.claim.substr(static_cast<std::size_t>(each.begin),
                                      static_cast<std::size_t>(each.end - each.begin)));
    }
    return out;
  };
  const auto first = quotes(result.contradictions[0].claim1),
             second = quotes(result.contradictions[0].claim2);
  const auto has = [](const std::vector<std::string>& in, const char* what) {
    return std::find(in.begin(), in.end(), what) != in.end();
  };
  EXPECT_TRUE(has(first, "effect:reduces"));
  EXPECT_TRUE(has(second, "negation:not"));
  EXPECT_TRUE(has(second, "estimate:HR 1.02, 95% CI 0.95-1.10"));
}

// Claims without a word in common are compared when the sentence model says that they mean similar things; it
// is asked in batches, and the progress rises all the while.
TEST(Analyze, SentenceModelFindsPairs) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Kittens purr."}), with_claims({"Felines hum."}),
                        with_claims({"Engines stall."})};
  FakeModel model;
  model.embeddings = {{1, 0}, {.9F, .1F}, {0, 1}};
  std::vector<double> progress;
  const auto result = analyze(arguments, {}, [&](double part) { progress.push_back(part); }, &model);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->pairs_compared, 1);
  EXPECT_EQ(analyzed(arguments).pairs_compared, 0);
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
  EXPECT_EQ(progress.back(), 1);
}

// What the sentence model refuses ends the analysis as such.
TEST(Analyze, SentenceModelsErrorsAreTheAnalysis) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Aspirin reduces stroke."})};
  FakeModel model;  // without embeddings it fails
  const auto result = analyze(arguments, {}, nullptr, &model);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::internal);
}

// The same articles give the same bytes.
TEST(Analyze, IsDeterministic) {
  jobs::AnalyzeArticles arguments;
  for (int i = 0; i < 40; ++i)
    arguments.articles.push_back(with_claims(
        {i % 2 ? "Aspirin reduces stroke." : "Aspirin does not reduce stroke.", "Zinc prevents colds."}));
  EXPECT_EQ(described::write(analyzed(arguments)), described::write(analyzed(arguments)));
}

}  // namespace
}  // namespace medsynth::contradiction
