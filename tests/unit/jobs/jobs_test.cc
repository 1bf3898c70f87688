#include "medsynth/jobs/jobs.h"

#include <gtest/gtest.h>

namespace medsynth::jobs {
namespace {

std::vector<std::string> pointers(const Result<>& result) {
  std::vector<std::string> out;
  if (result) return out;
  EXPECT_EQ(result.error().code, Code::invalid_argument);
  EXPECT_EQ(result.error().reason, "invalid_field");
  for (const Fault& fault : result.error().faults) out.push_back(fault.pointer);
  return out;
}

const std::string kLong(kMaxTextBytes + 1, 'x');

// A body as the API takes it is read, defaults and all.
TEST(Jobs, ReadsArguments) {
  const auto detect =
      described::parse<DetectContradiction>(R"({"claim1":"a","claim2":"b","metadata1":{"year":2001}})");
  ASSERT_TRUE(detect) << detect.error().message;
  EXPECT_TRUE(detect->use_all_methods);
  EXPECT_TRUE(check(*detect));
  const auto analyze =
      described::parse<AnalyzeArticles>(R"({"articles":[{"abstract":"x","doi":"kept out"}]})");
  ASSERT_TRUE(analyze) << analyze.error().message;
  EXPECT_EQ(analyze->threshold, .7);
  EXPECT_EQ(analyze->articles[0].doi, "kept out");
  EXPECT_TRUE(check(*analyze));
}

// What an article has beside the fields that are read is kept by name, through a message and back.
TEST(Jobs, KeepsTheNamesOfOtherFields) {
  const auto first = described::parse<AnalyzeArticles>(
      R"({"articles":[{"Abstract Note":"x","year":"2019","pmid":7,"retracted":true}]})");
  ASSERT_TRUE(first) << first.error().message;
  const auto again = described::parse<AnalyzeArticles>(described::write(*first));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->articles[0].other_fields, std::vector<std::string>{"Abstract Note"});
  EXPECT_EQ(again->articles[0].year, json::value("2019"));
  EXPECT_EQ(again->articles[0].pmid, json::value(7));
  EXPECT_EQ(again->articles[0].retracted, true);
}

// A result is written with the members and names that callers know.
TEST(Jobs, WritesResults) {
  ContradictionResult result;
  result.contradiction_type = ContradictionType::direct;
  EXPECT_EQ(
      described::write(result),
      R"({"is_contradiction":false,"contradiction_score":0.0,"contradiction_type":"direct","confidence":"low",)"
      R"("verdict":"uncertain","explanation":"","methods_used":[],"details":{},"context_differences":[],"model":null,)"
      R"("calibrated":false,"duration":0.0,"warnings":[]})");
}

// A claim that is empty or too long, and an id that no record can have, are named; the message does not
// repeat the claim.
TEST(Check, DetectNamesItsFaults) {
  DetectContradiction arguments{
      .claim1 = "", .claim2 = kLong, .metadata1 = {}, .metadata2 = {}, .task_id = "a\nb"};
  const auto checked = check(arguments);
  EXPECT_EQ(pointers(checked), (std::vector<std::string>{"/claim1", "/claim2", "/task_id"}));
  EXPECT_EQ(checked.error().faults[1].detail.find("xxxx"), std::string::npos);
  EXPECT_NE(checked.error().faults[1].detail.find("32768"), std::string::npos);
}

// Of many articles, the text that is too long is named by its place.
TEST(Check, ArticlesAreNamedByPlace) {
  AnalyzeArticles arguments;
  arguments.articles.resize(6);
  arguments.articles[3].abstract = kLong;
  arguments.articles[4].title = kLong;
  arguments.articles[5].claims = std::vector<std::string>{"fine", kLong};
  EXPECT_EQ(pointers(check(arguments)),
            (std::vector<std::string>{"/articles/3/abstract", "/articles/4/title", "/articles/5/claims/1"}));
  arguments.articles.assign(1, {});
  EXPECT_TRUE(check(arguments));
}

// No articles, or more than are taken, is a fault of the list itself.
TEST(Check, NumberOfArticlesIsBounded) {
  AnalyzeArticles arguments;
  EXPECT_EQ(pointers(check(arguments)), std::vector<std::string>{"/articles"});
  arguments.articles.resize(kMaxArticles);
  EXPECT_TRUE(check(arguments));
  arguments.articles.resize(kMaxArticles + 1);
  EXPECT_EQ(pointers(check(arguments)), std::vector<std::string>{"/articles"});
}

// A text to embed must have something in it and not too much.
TEST(Check, TextsAreNamedByPlace) {
  GenerateEmbeddings arguments;
  arguments.texts.assign(9, "text");
  EXPECT_TRUE(check(arguments));
  arguments.texts[7] = kLong;
  arguments.texts[8] = "";
  EXPECT_EQ(pointers(check(arguments)), (std::vector<std::string>{"/texts/7", "/texts/8"}));
  arguments.texts.assign(kMaxTexts + 1, "text");
  EXPECT_EQ(pointers(check(arguments)), std::vector<std::string>{"/texts"});
}

// However many faults there are, a person is shown a list that can be read.
TEST(Check, FaultsAreBounded) {
  GenerateEmbeddings arguments;
  arguments.texts.assign(kMaxTexts, "");
  EXPECT_EQ(check(arguments).error().faults.size(), 101U);
}

}  // namespace
}  // namespace medsynth::jobs
