#include "medsynth/contradiction/articles.h"

#include <algorithm>
#include <array>
#include <random>
#include <set>

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

// A conclusion that stands alone, in a field for abstracts, is a claim: all its words count.
TEST(Analyze, AnAbstractOfOneSentenceIsAClaim) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_abstract("Noise near schools increased tinnitus in pupils."),
                        with_abstract("Noise near schools did not increase tinnitus in pupils."),
                        with_abstract("We aimed to measure noise.")};
  const auto result = analyzed(arguments);
  EXPECT_EQ(result.total_claims, 2);
  ASSERT_EQ(result.contradictions.size(), 1U);
  EXPECT_EQ(result.contradictions[0].claim1.claim, "Noise near schools increased tinnitus in pupils.");
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
  auto result = analyze(arguments, {}, [&](double part, std::string_view) { progress.push_back(part); });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->total_articles, 4);
  EXPECT_EQ(result->total_claims, 5);
  EXPECT_EQ(result->pairs_compared, 9);  // few claims: each with each of the other articles
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

// Both ways round a pair scores the same, to the last bit.
TEST(Analyze, IsSymmetric) {
  jobs::AnalyzeArticles arguments, turned;
  arguments.articles = {with_claims({"Zinc shortens colds in older women."}),
                        with_claims({"Colds were not shortened by zinc."})};
  arguments.threshold = turned.threshold = 0;
  turned.articles = {arguments.articles[1], arguments.articles[0]};
  const auto one = analyzed(arguments), other = analyzed(turned);
  ASSERT_EQ(one.contradictions.size(), 1U);
  ASSERT_EQ(other.contradictions.size(), 1U);
  EXPECT_EQ(one.contradictions[0].contradiction_score, other.contradictions[0].contradiction_score);
  EXPECT_EQ(one.contradictions[0].claim1.claim, other.contradictions[0].claim2.claim);
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
  for (int i = 0; i < 230; ++i) claims.push_back("Substance" + std::to_string(i) + " reduces stroke.");
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims(claims)};
  const auto result = analyzed(arguments);
  EXPECT_EQ(result.total_claims, static_cast<std::int64_t>(kMaxClaimsPerArticle));
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_NE(result.warnings[0].find("200 claims"), std::string::npos);
}

// Of many claims those that share no word are never compared: the work grows with what is shared.
TEST(Analyze, UnrelatedClaimsAreNotCompared) {
  jobs::AnalyzeArticles arguments;
  for (int i = 0; i < 700; ++i)
    arguments.articles.push_back(
        with_claims({"Substance" + std::to_string(i) + " reduces illness" + std::to_string(i) + "."}));
  EXPECT_EQ(analyzed(arguments).pairs_compared, 0);
}

// When thousands of claims say similar things, the number of pairs stays bounded and the result says so.
TEST(Analyze, PairsAreBoundedWithAWarning) {
  jobs::AnalyzeArticles arguments;
  constexpr int kClaims = 700;
  for (int i = 0; i < kClaims; ++i)
    arguments.articles.push_back(
        with_claims({"Aspirin reduces stroke in trial number " + std::to_string(i) + "."}));
  const auto result = analyzed(arguments);
  // Each claim is like all others: all have partners, none more than one may have.
  EXPECT_LE(result.pairs_compared, static_cast<std::int64_t>(kClaims * kMaxPartners));
  EXPECT_GE(result.pairs_compared, kClaims / 2);
  EXPECT_EQ(result.pairs_compared + result.not_compared, kClaims * (kClaims - 1) / 2);
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
// "Statin therapy is well tolerated" is about another question than what it does to stroke, and is no claim
// that nothing was read from; what was not read is quoted, and nothing is made of it.
TEST(Analyze, WhatAThingIsContradictsOnlyItsLike) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {
      with_claims({"Statin therapy is well tolerated.", "Adherence to statins is poor."}),
      with_claims({"Statin therapy does not reduce the risk of recurrent stroke.",
                   "Statin therapy was ineffective.", "Statin therapy was not well tolerated."})};
  arguments.threshold = 0.3;
  const auto result = analyzed(arguments);
  for (const auto& each : result.contradictions) {
    EXPECT_EQ(each.explanation.find("\u201c\u201d"), std::string::npos) << each.explanation;
    const bool like = each.claim1.claim.find("tolerated") != std::string::npos &&
                      each.claim2.claim.find("tolerated") != std::string::npos;
    if (!like) EXPECT_LT(each.contradiction_score, .6) << each.claim1.claim << " / " << each.claim2.claim;
  }
  ASSERT_FALSE(result.contradictions.empty());
  EXPECT_EQ(result.contradictions[0].claim1.claim, "Statin therapy is well tolerated.");
  EXPECT_GT(result.contradictions[0].contradiction_score, .9);
}

TEST(Analyze, StopsWhenAsked) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Aspirin reduces stroke."}),
                        with_claims({"Aspirin does not reduce stroke."})};
  std::stop_source stop;
  const auto cancelled =
      analyze(arguments, {.stop = stop.get_token()}, [&](double, std::string_view) { stop.request_stop(); });
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

// Findings without a word in common are compared when the sentence model says that they mean similar things; it
// is asked in batches, and the progress rises all the while.
TEST(Analyze, SentenceModelFindsPairs) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_abstract("RESULTS: Melatonin reduced delirium."),
                        with_abstract("RESULTS: Ramelteon lowered confusion."),
                        with_abstract("RESULTS: Yoga improved balance.")};
  FakeModel model;
  model.embeddings = {{1, 0}, {.9F, .1F}, {0, 1}};
  std::vector<double> progress;
  const auto result = analyze(arguments, {}, [&](double part, std::string_view) { progress.push_back(part); },
                              {.sentence = &model});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->pairs_compared, 1);
  EXPECT_EQ(analyzed(arguments).pairs_compared, 0);
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
  EXPECT_EQ(progress.back(), 1);
}

// A budget of no time leaves the words, and says so; one that is large enough changes nothing.
TEST(Analyze, ABudgetEndsWithTheMostPromisingSentencesAndSaysSo) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_abstract("RESULTS: Melatonin reduced delirium."),
                        with_abstract("RESULTS: Ramelteon lowered confusion."),
                        with_abstract("RESULTS: Yoga improved balance.")};
  FakeModel model;
  model.embeddings = {{1, 0}, {.9F, .1F}, {0, 1}};
  arguments.budget_seconds = 0;
  std::set<std::string> stages;
  const auto none = analyze(arguments, {}, [&](double, std::string_view stage) { stages.emplace(stage); },
                            {.sentence = &model});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->pairs_compared, 0);
  ASSERT_EQ(none->warnings.size(), 1u);
  EXPECT_NE(none->warnings[0].find("looked at 0 of 3 sentences"), std::string::npos) << none->warnings[0];
  EXPECT_EQ(stages, (std::set<std::string>{"comparing findings", "reading articles"}));
  arguments.budget_seconds = 1e300;
  const auto all = analyze(arguments, {}, {}, {.sentence = &model});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->pairs_compared, 1);
  EXPECT_TRUE(all->warnings.empty());
}

// Only what has all words in exposure and outcome; how many pairs were compared is not changed by it.
TEST(Analyze, AQuestionLimitsWhatIsReported) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Aspirin reduced stroke.", "Coffee increased insomnia."}),
                        with_claims({"Aspirin did not reduce stroke.", "Coffee did not increase insomnia."})};
  const auto all = analyzed(arguments);
  ASSERT_EQ(all.contradictions.size(), 2u);
  ASSERT_EQ(all.questions.size(), 2u);
  arguments.question = "STROKE aspirin";
  const auto one = analyzed(arguments);
  ASSERT_EQ(one.contradictions.size(), 1u);
  EXPECT_NE(one.contradictions[0].claim1.claim.find("stroke"), std::string::npos);
  ASSERT_EQ(one.questions.size(), 1u);
  EXPECT_EQ(one.contradictions[0].question, one.questions[0].id);
  EXPECT_EQ(one.pairs_compared, all.pairs_compared);
  arguments.question = "aspirin insomnia";
  EXPECT_TRUE(analyzed(arguments).contradictions.empty());
  EXPECT_TRUE(analyzed(arguments).questions.empty());
}

// An entailment model reads the candidates: what it says is shown, and moves their scores by its weight, also over
// the threshold; without a budget of time it is not asked.
TEST(Analyze, EntailmentModelReadsTheCandidates) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Aspirin reduced stroke."}),
                        with_claims({"Aspirin did not reduce stroke."})};
  const double before = analyzed(arguments).contradictions.at(0).contradiction_score;
  FakeModel model;
  double opposed = .01;
  model.opposed_of = [&](const std::string&, const std::string&) { return opposed; };
  const AnalysisModels reads{.entailment = &model, .skill = {.weight = 1}};
  const auto lowered = analyze(arguments, {}, {}, reads);
  ASSERT_TRUE(lowered);
  EXPECT_TRUE(lowered->contradictions.empty());
  arguments.threshold = .05;
  const auto shown = analyze(arguments, {}, {}, {.entailment = &model});
  ASSERT_TRUE(shown);
  EXPECT_NEAR(shown->contradictions.at(0).entailment.value_or(0), .01, 1e-9);
  EXPECT_EQ(shown->contradictions.at(0).contradiction_score, before);
  EXPECT_NE(shown->warnings.at(0).find("moves no score"), std::string::npos);
  opposed = .9;
  const auto raised = analyze(arguments, {}, {}, reads);
  ASSERT_TRUE(raised);
  EXPECT_GT(raised->contradictions.at(0).contradiction_score, before);
  EXPECT_EQ(std::ranges::count(raised->methods_used, "entailment"), 1);
  const std::size_t asked = model.entailed;
  arguments.budget_seconds = 0;
  const auto none = analyze(arguments, {}, {}, reads);
  ASSERT_TRUE(none);
  EXPECT_EQ(model.entailed, asked);
  EXPECT_FALSE(none->contradictions.at(0).entailment);
}

// What the sentence model refuses ends the analysis as such.
TEST(Analyze, SentenceModelsErrorsAreTheAnalysis) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_claims({"Aspirin reduces stroke."})};
  FakeModel model;  // without embeddings it fails
  const auto result = analyze(arguments, {}, nullptr, {.sentence = &model});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::internal);
}

// Offsets are code points and quote what they stand for.
TEST(Analyze, CountsCodePoints) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {with_abstract("We study β-blockers. “Propranolol” reduced migraine."),
                        with_abstract("Naïve readers: Propranolol did not reduce migraine.")};
  arguments.threshold = 0;
  const auto result = analyzed(arguments);
  ASSERT_EQ(result.findings.size(), 2U);
  EXPECT_EQ(result.findings[0].sentence.text, "“Propranolol” reduced migraine.");
  EXPECT_EQ(result.findings[0].sentence.begin, 21);
  EXPECT_EQ(result.findings[0].sentence.end, 52);
  ASSERT_EQ(result.contradictions.size(), 1U);
  const jobs::EvidenceSpan& effect = result.contradictions[0].claim1.evidence[0];
  EXPECT_EQ(effect.text, "reduced");
  EXPECT_EQ(effect.begin, 14);
}

// Who finds more, who less, who no difference; agreements are counted, and each article is there as it came.
TEST(Analyze, AnswersQuestions) {
  jobs::AnalyzeArticles arguments;
  arguments.articles = {
      with_claims({"Aspirin reduces stroke."}), with_claims({"Aspirin does not reduce stroke."}),
      with_claims({"Aspirin reduced stroke in women."}), with_claims({"Zinc prevents colds."})};
  arguments.articles[1].pmid = json::value(123);
  arguments.articles[1].year = json::value("2019");
  const auto result = analyzed(arguments);
  ASSERT_EQ(result.questions.size(), 1U);
  const jobs::Question& question = result.questions[0];
  EXPECT_EQ(question.exposure, "Aspirin");
  EXPECT_EQ(question.outcome, "stroke");
  EXPECT_EQ(question.articles, 3);
  EXPECT_EQ(question.less, 2);
  EXPECT_EQ(question.no_difference, 1);
  EXPECT_EQ(question.contradictions, 2);
  EXPECT_EQ(question.agreements, 1);
  EXPECT_EQ(result.contradictions.at(0).question, question.id);
  ASSERT_EQ(result.articles.size(), 3U);
  EXPECT_EQ(result.articles[1].pmid, json::value(123));
  EXPECT_EQ(result.articles[1].year, json::value("2019"));
}

// What is not read is said: fields by name, articles without text with what they have, other languages.
TEST(Analyze, SaysWhatItDidNotRead) {
  const auto arguments = described::parse<jobs::AnalyzeArticles>(
      R"({"articles":[{"Abstract Note":"Aspirin reduces stroke.","title":"T"},{"abstract":"Aspirin senkt das Risiko nicht und ist bei Frauen mit Diabetes auch nicht wirksam."},)"
      R"({"claims":["Aspirin reduces stroke."],"notes":"x"}]})");
  ASSERT_TRUE(arguments);
  const auto result = analyzed(*arguments);
  EXPECT_EQ(result.total_claims, 1);
  ASSERT_EQ(result.warnings.size(), 3U);
  EXPECT_NE(result.warnings[0].find("Abstract Note"), std::string::npos) << result.warnings[0];
  EXPECT_NE(result.warnings[1].find("1 article is not in English"), std::string::npos) << result.warnings[1];
  EXPECT_NE(result.warnings[2].find("notes"), std::string::npos) << result.warnings[2];
}

// However much a question is discussed, it is found, and so are its contradictions.
TEST(Analyze, FewQuestionsInManyArticles) {
  jobs::AnalyzeArticles arguments;
  constexpr std::array kQuestions{"Aspirin", "Melatonin", "Zinc"};
  constexpr std::array kOutcomes{"stroke", "delirium", "colds"};
  for (std::size_t i = 0; i < 900; ++i)
    arguments.articles.push_back(
        with_claims({std::string(kQuestions[i % 3]) + (i % 7 == 0 ? " did not reduce " : " reduced ") +
                     kOutcomes[i % 3] + " in trial " + std::to_string(i) + "."}));
  const auto result = analyzed(arguments);
  ASSERT_EQ(result.questions.size(), 3U);
  for (const jobs::Question& question : result.questions) {
    EXPECT_EQ(question.articles, 300);
    EXPECT_GT(question.contradictions, 250);
    EXPECT_EQ(question.less + question.no_difference, 300);
  }
  EXPECT_GT(result.not_compared, 0);
}

// Whatever bytes there are, nothing breaks, and quotes stay within their text.
TEST(Analyze, SurvivesRandomTexts) {
  constexpr std::array kPieces{"no ",
                               "not ",
                               "associated with ",
                               "reduced ",
                               "(AOR 2.1, 95% CI 1.4-3.2) ",
                               ", ",
                               "and ",
                               "than ",
                               "Results ",
                               ". ",
                               "0. 08",
                               "[",
                               "(",
                               ")",
                               "β",
                               "\xff",
                               "between ",
                               "similar ",
                               "neither ",
                               "who ",
                               "women ",
                               "higher ",
                               "Aspirin ",
                               "stroke ",
                               "was ",
                               "that ",
                               "role ",
                               "but ",
                               ": ",
                               "were "};
  std::mt19937 random(7);
  jobs::AnalyzeArticles arguments;
  for (int i = 0; i < 600; ++i) {
    std::string text;
    for (std::size_t n = random() % 30; n > 0; --n) text += kPieces[random() % kPieces.size()];
    arguments.articles.push_back(i % 2 ? with_abstract(text) : with_claims({text}));
  }
  arguments.threshold = 0;
  for (const jobs::FoundContradiction& found : analyzed(arguments).contradictions)
    for (const jobs::ArticleClaim* side : {&found.claim1, &found.claim2})
      for (const jobs::EvidenceSpan& each : side->evidence)
        EXPECT_NE(side->claim.find(each.text), std::string::npos);
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
