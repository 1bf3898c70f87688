#include <algorithm>

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/language_model.h"

#include "unit/contradiction/fake_model.h"

namespace medsynth::contradiction {
namespace {

constexpr const char* kYes = "Aspirin reduces the risk of myocardial infarction.";
constexpr const char* kNo = "Aspirin does not reduce the risk of myocardial infarction.";

jobs::DetectContradiction pair(std::string claim1, std::string claim2, bool all = true) {
  jobs::DetectContradiction out;
  out.claim1 = std::move(claim1);
  out.claim2 = std::move(claim2);
  out.use_all_methods = all;
  return out;
}

jobs::ContradictionResult judged(const jobs::DetectContradiction& arguments,
                                 const LanguageModel& model = {}) {
  auto result = detect(arguments, model, {});
  EXPECT_TRUE(result) << result.error().message;
  return *result;
}

bool warns(const jobs::ContradictionResult& result, std::string_view part) {
  for (const std::string& warning : result.warnings)
    if (warning.find(part) != std::string::npos) return true;
  return false;
}

std::string quoted(const std::string& claim, const json::value& evidence) {
  const auto begin = evidence.at("begin").to_number<std::size_t>(),
             end = evidence.at("end").to_number<std::size_t>();
  return claim.substr(begin, end - begin);
}

// A plain denial is a contradiction with everything a reader needs to check it.
TEST(Detect, ExplainsAContradiction) {
  const auto result = judged(pair(kYes, kNo, false));
  EXPECT_TRUE(result.is_contradiction);
  EXPECT_EQ(result.verdict, jobs::Verdict::contradiction);
  EXPECT_GT(result.contradiction_score, .9);
  EXPECT_LE(result.contradiction_score, 1);
  EXPECT_EQ(result.contradiction_type, jobs::ContradictionType::direct);
  EXPECT_EQ(result.confidence, jobs::Confidence::high);
  EXPECT_TRUE(result.calibrated);
  EXPECT_EQ(result.duration, 0);
  const json::object& polarity = result.details.at("polarity").get_object();
  EXPECT_EQ(polarity.at("assertion1"), json::value("affirmed"));
  EXPECT_EQ(polarity.at("assertion2"), json::value("negated"));
  EXPECT_EQ(polarity.at("direction1"), json::value("decrease"));
  EXPECT_EQ(polarity.at("direction2"), json::value("decrease"));
  std::vector<std::string> quotes;
  for (const json::value& each : polarity.at("evidence2").get_array()) quotes.push_back(quoted(kNo, each));
  EXPECT_EQ(quotes[0], "reduce");
  EXPECT_EQ(quotes[1], "not");
  EXPECT_NE(std::find(quotes.begin(), quotes.end(), "myocardial infarction"), quotes.end());
  EXPECT_NE(result.explanation.find("not"), std::string::npos);
}

// Offsets count Unicode code points, as Python does, and stand beside what they point to.
TEST(Detect, EvidenceIsCountedInCodePoints) {
  const std::string claim = "\xCE\xB2-blockers (50 \xC2\xB5g \xF0\x9F\x92\x8A) reduce stroke.";
  const auto result = judged(pair(claim, "\xCE\xB2-blockers do not reduce stroke.", false));
  const json::array& evidence = result.details.at("polarity").at("evidence1").get_array();
  ASSERT_FALSE(evidence.empty());
  EXPECT_EQ(evidence[0].at("text"), json::value("reduce"));
  EXPECT_EQ(evidence[0].at("begin").to_number<std::size_t>(), 21U);
  EXPECT_EQ(evidence[0].at("end").to_number<std::size_t>(), 27U);
}

// Text that is not English is not judged, and the reason is given.
TEST(Detect, OtherLanguagesStayOpen) {
  for (const char* other : {"Aspirin senkt das Risiko f\xC3\xBCr Schlaganfall nicht.",
                            "La aspirina no reduce el riesgo de ictus."}) {
    const auto result = judged(pair(other, "Aspirin reduces the risk of stroke.", false));
    EXPECT_EQ(result.verdict, jobs::Verdict::uncertain) << other;
    EXPECT_NE(result.explanation.find("claim 1 is not in English"), std::string::npos) << result.explanation;
    EXPECT_TRUE(warns(result, "not in English")) << other;
  }
}

// In the other order everything that is said of claim 1 is said of claim 2, and nothing else changes.
TEST(Detect, OtherOrderExchangesTheSides) {
  auto one = pair(kYes, std::string("In women, ") + kNo, false), two = pair(one.claim2, one.claim1, false);
  one.metadata1 = two.metadata2 = json::object{{"population", "men"}};
  one.metadata2 = two.metadata1 = json::object{{"population", "women"}};
  const auto first = judged(one), second = judged(two);
  EXPECT_EQ(first.contradiction_score, second.contradiction_score);
  const auto &a = first.details.at("polarity").get_object(), &b = second.details.at("polarity").get_object();
  EXPECT_EQ(a.at("evidence1"), b.at("evidence2"));
  EXPECT_EQ(a.at("evidence2"), b.at("evidence1"));
  EXPECT_EQ(a.at("assertion1"), b.at("assertion2"));
  EXPECT_EQ(a.at("overlap"), b.at("overlap"));
  ASSERT_FALSE(first.context_differences.empty());
  EXPECT_EQ(first.context_differences.back(), "population: men (claim 1), women (claim 2)");
  EXPECT_EQ(second.context_differences.back(), "population: women (claim 1), men (claim 2)");
}

// Claims about different people are named as such and not called a plain contradiction, whether text or
// metadata says so.
TEST(Detect, DifferentPopulationsLowerTheVerdict) {
  const auto by_text =
      judged(pair("Statins reduce mortality in men.", "Statins do not reduce mortality in women.", false));
  EXPECT_FALSE(by_text.is_contradiction);
  EXPECT_EQ(by_text.context_differences,
            (std::vector<std::string>{"population or setting: men (claim 1), women (claim 2)"}));
  auto arguments = pair(kYes, kNo, false);
  arguments.metadata1 = json::object{{"species", "mouse"}, {"sample_size", 30}};
  arguments.metadata2 = json::object{{"species", "human"}, {"sample_size", 900}};
  const auto by_metadata = judged(arguments);
  EXPECT_EQ(by_metadata.verdict, jobs::Verdict::uncertain);
  EXPECT_EQ(by_metadata.context_differences,
            (std::vector<std::string>{"species: mouse (claim 1), human (claim 2)"}));
  EXPECT_FALSE(by_metadata.is_contradiction);
}

// The ground of a contradiction is statistical or temporal only where words or metadata say so.
TEST(Detect, TypeFollowsFromWordsAndMetadata) {
  const auto significance =
      judged(pair("Aspirin reduced stroke.", "Aspirin did not significantly reduce stroke.", false));
  EXPECT_EQ(significance.contradiction_type, jobs::ContradictionType::statistical);
  auto arguments = pair(kYes, kNo, false);
  arguments.metadata1 = json::object{{"p_value", .01}};
  arguments.metadata2 = json::object{{"p_value", .4}};
  EXPECT_EQ(judged(arguments).contradiction_type, jobs::ContradictionType::statistical);
  arguments.metadata1 = json::object{{"year", 1990}};
  arguments.metadata2 = json::object{{"year", 2019}};
  EXPECT_EQ(judged(arguments).contradiction_type, jobs::ContradictionType::temporal);
  arguments.metadata2 = json::object{{"year", 1992}};
  EXPECT_EQ(judged(arguments).contradiction_type, jobs::ContradictionType::direct);
  EXPECT_EQ(judged(pair(kYes, kYes, false)).contradiction_type, jobs::ContradictionType::none);
}

// Text that is not English is said not to have been understood, and is no contradiction.
TEST(Detect, ForeignTextIsUncertainOrNone) {
  const auto result = judged(pair("Аспирин снижает риск инфаркта", "Аспирин повышает риск инфаркта", false));
  EXPECT_FALSE(result.is_contradiction);
  EXPECT_EQ(result.confidence, jobs::Confidence::low);
  EXPECT_TRUE(warns(result, "English"));
}

// Without a model the fast path says what it used and does not complain.
TEST(Detect, FastPathUsesPolarityOnly) {
  FakeModel model;
  const auto result = judged(pair(kYes, kNo, false), {.model = &model});
  EXPECT_EQ(result.methods_used, std::vector<std::string>{"polarity"});
  EXPECT_EQ(model.calls, 0);
  EXPECT_FALSE(result.model);
  EXPECT_TRUE(result.warnings.empty());
}

// All methods wanted and no model there: polarity judges, and a warning says how to get a model.
TEST(Detect, MissingModelIsAWarning) {
  const auto result = judged(pair(kYes, kNo));
  EXPECT_EQ(result.methods_used, (std::vector<std::string>{"polarity", "statistical", "temporal"}));
  EXPECT_TRUE(result.is_contradiction);
  EXPECT_TRUE(warns(result, "medsynth models pull"));
}

// The model is asked both orders and the empty question in one call, with the three answers as labels.
TEST(Detect, AsksBothOrdersAtOnce) {
  FakeModel model;
  const auto result = judged(pair(kYes, kNo), {.model = &model});
  EXPECT_EQ(model.calls, 1);
  ASSERT_EQ(model.asked.size(), 3U);
  const auto yes_first = [&](std::size_t i) {
    return model.asked[i].text.find(kYes) < model.asked[i].text.find(kNo);
  };
  EXPECT_NE(yes_first(0), yes_first(1));
  EXPECT_NE(model.asked[2].text.find("N/A"), std::string::npos);
  EXPECT_EQ(model.asked_labels, (std::vector<std::string>{" agree", " disagree", " different"}));
  EXPECT_TRUE(model.asked[2].constant);
  EXPECT_EQ(result.methods_used,
            (std::vector<std::string>{"polarity", "statistical", "temporal", "language_model"}));
  ASSERT_TRUE(result.model);
  EXPECT_EQ(result.model->id, "fake");
  EXPECT_EQ(result.model->digest, "d1");
  EXPECT_EQ(result.details.at("language_model").at("template"), json::value(prompt_template().version));
}

// A model that is wrong at the top of its voice does not change a clear verdict, in either direction.
TEST(Detect, UncalibratedModelDoesNotFlipAClearVerdict) {
  FakeModel model;
  model.yes_of = [](const std::string& prompt) {
    return prompt.find("N/A") == std::string::npos ? .001 : .5;
  };
  const auto contradiction = judged(pair(kYes, kNo), {.model = &model});
  EXPECT_EQ(contradiction.contradiction_score, judged(pair(kYes, kNo, false)).contradiction_score);
  EXPECT_TRUE(contradiction.is_contradiction);
  EXPECT_TRUE(warns(contradiction, "not calibrated"));
  model.yes_of = [](const std::string& prompt) {
    return prompt.find("N/A") == std::string::npos ? .999 : .5;
  };
  EXPECT_FALSE(
      judged(pair(kYes, "Aspirin lowers the risk of heart attack."), {.model = &model}).is_contradiction);
}

// In the uncertain band the model moves the score a little and leaves the verdict.
TEST(Detect, UncalibratedModelMovesAnUncertainScore) {
  const auto unsure = pair("Statins reduce mortality in men.", "Statins do not reduce mortality in women.");
  FakeModel yes, no;
  yes.yes_of = [](const std::string& prompt) { return prompt.find("N/A") == std::string::npos ? .99 : .5; };
  no.yes_of = [](const std::string& prompt) { return prompt.find("N/A") == std::string::npos ? .01 : .5; };
  Combination unsure_of_all = built_in_combination();
  unsure_of_all.uncertain = {.from = 0, .to = 1};
  const auto more = judged(unsure, {.model = &yes, .combination = &unsure_of_all}),
             less = judged(unsure, {.model = &no, .combination = &unsure_of_all});
  EXPECT_GT(more.contradiction_score, less.contradiction_score);
  EXPECT_EQ(more.verdict, jobs::Verdict::uncertain);
  EXPECT_EQ(less.verdict, jobs::Verdict::uncertain);
}

// A model that the operator's weights know counts as they say, on the fast path too.
TEST(Detect, CalibratedModelDecides) {
  FakeModel model;
  model.yes_of = [](const std::string& prompt) { return prompt.find("N/A") == std::string::npos ? .99 : .5; };
  Combination calibrated;
  calibrated.weights = {{"language_model", 2}};
  calibrated.trained_on.pairs = 100;
  const auto result =
      judged(pair(kYes, "Yoga improves sleep.", false), {.model = &model, .combination = &calibrated});
  EXPECT_TRUE(result.is_contradiction);
  EXPECT_TRUE(result.calibrated);
  EXPECT_FALSE(warns(result, "not calibrated"));
  EXPECT_EQ(result.methods_used, (std::vector<std::string>{"polarity", "language_model"}));
}

// An entailment model is asked both ways round, and a pair has the same score whichever claim comes first; it is
// believed as its own weight says, and one without a weight never decides.
TEST(Detect, EntailmentModelCountsAsItsWeightSays) {
  FakeModel model;
  model.opposed_of = [](const std::string& premise, const std::string&) {
    return premise == kYes ? .99 : .8;
  };
  Combination calibrated = built_in_combination();
  calibrated.weights["entailment"] = .7;
  const std::string other = "Yoga improves sleep.";
  const LanguageModel asked{.entailment_model = &model, .combination = &calibrated};
  const auto result = judged(pair(kYes, other, false), asked),
             turned = judged(pair(other, kYes, false), asked);
  EXPECT_EQ(result.contradiction_score, turned.contradiction_score);
  EXPECT_GT(result.contradiction_score, judged(pair(kYes, other, false)).contradiction_score);
  EXPECT_EQ(result.methods_used, (std::vector<std::string>{"polarity", "entailment"}));
  const json::value& details = result.details.at("entailment");
  EXPECT_NEAR(details.at("answers").at("contradiction").to_number<double>(), (.99 + .8) / 2, 1e-9);
  EXPECT_EQ(details.at("logits").at("order12"), turned.details.at("entailment").at("logits").at("order21"));
  EXPECT_NEAR(details.at("weight").to_number<double>(), .7, 1e-9);
  EXPECT_GT(details.at("moved").to_number<double>(), 0);
  EXPECT_EQ(model.entailed, 4U);
  const auto unknown = judged(pair(kYes, other), {.entailment_model = &model});
  EXPECT_TRUE(warns(unknown, "entailment model is not calibrated"));
  EXPECT_EQ(unknown.verdict, judged(pair(kYes, other)).verdict);
}

// What a model's answer does is said: its weight on pairs of this kind, and how far it moved the score. One
// that was not shown to help on them moves nothing, and a warning says so.
TEST(Detect, SaysWhatTheModelMoved) {
  FakeModel model;
  model.yes_of = [](const std::string& prompt) { return prompt.find("N/A") == std::string::npos ? .9 : .5; };
  const auto findings = pair("Statins reduce mortality in men.", "Statins do not reduce mortality in women.");
  auto evidence = findings;
  for (int i = 0; i < 6; ++i) evidence.claim2 += " Follow-up was by telephone and by letter.";
  Combination calibrated = built_in_combination();
  calibrated.weights["language_model"] = .5;
  calibrated.weights["evidence_language_model"] = -.5;  // of use on findings only
  const auto moved = judged(findings, {.model = &model, .combination = &calibrated});
  const auto details = [](const jobs::ContradictionResult& result, const char* name) {
    return result.details.at("language_model").at(name).to_number<double>();
  };
  EXPECT_NEAR(details(moved, "weight"), .5, 1e-9);
  EXPECT_GT(details(moved, "moved"), 0);
  EXPECT_NEAR(details(moved, "moved"), moved.contradiction_score - judged(findings).contradiction_score,
              1e-9);
  EXPECT_FALSE(warns(moved, "does not count"));
  const auto still = judged(evidence, {.model = &model, .combination = &calibrated});
  EXPECT_NEAR(details(still, "moved"), 0, 1e-9);
  EXPECT_TRUE(warns(still, "does not count"));
}

// The examples and both claims stand in one prompt; what all pairs have in common is said to be shared, and
// claims stand after it.
TEST(Detect, TheExamplesAreShared) {
  FakeModel model;
  (void)judged(pair(kYes, kNo), {.model = &model});
  const std::string& text = model.asked[0].text;
  const std::string common = text.substr(0, model.asked[0].shared);
  for (const WorkedExample& each : prompt_template().examples) {
    EXPECT_NE(common.find(each.finding1), std::string::npos);
    const AnswerWords& words = prompt_template().answers;
    EXPECT_TRUE(each.answer == words.agree || each.answer == words.disagree ||
                each.answer == words.different);
  }
  EXPECT_EQ(common.find(kYes), std::string::npos);
  for (const auto& asked : model.asked) EXPECT_EQ(asked.text.substr(0, asked.shared), common);
}

// The sentence model says how near the claims are; its cosine is reported and the same both ways round.
TEST(Detect, ReportsTheCosineOfTheSentenceModel) {
  FakeModel model;
  model.embeddings = {{.6F, .8F}, {1, 0}};
  const auto result = judged(pair(kYes, kNo), {.sentence_model = &model});
  EXPECT_NEAR(result.details.at("embedding_similarity").at("score").to_number<double>(), .6, 1e-6);
  EXPECT_EQ(result.details.at("embedding_similarity").at("digest"), json::value("d1"));
  EXPECT_EQ(result.methods_used.back(), "embedding_similarity");
}

// A model that says yes to everything, also to the empty question, says nothing.
TEST(Detect, BiasOfTheModelIsTakenOff) {
  FakeModel model;
  model.yes_of = [](const std::string&) { return .97; };
  const auto result = judged(pair(kYes, kNo), {.model = &model});
  EXPECT_NEAR(result.details.at("language_model").at("score").to_number<double>(), .5, 1e-9);
}

// A model that answers something else has weight 0 and a warning.
TEST(Detect, LowLabelMassDoesNotCount) {
  FakeModel model;
  model.label_mass = .01;
  model.yes_of = [](const std::string& prompt) { return prompt.find("N/A") == std::string::npos ? .99 : .5; };
  const auto unsure = pair("Statins reduce mortality in men.", "Statins do not reduce mortality in women.");
  const auto result = judged(unsure, {.model = &model});
  EXPECT_EQ(result.details.at("language_model").at("weight").to_number<double>(), 0);
  EXPECT_TRUE(warns(result, "low label mass"));
  auto fast = unsure;
  EXPECT_EQ(result.contradiction_score, judged(fast).contradiction_score);
}

// When the demo model answered, the result says so in plain words and in its details.
TEST(Detect, DemoModelIsNamed) {
  FakeModel model;
  const auto result = judged(pair(kYes, kNo), {.model = &model, .demo = true});
  EXPECT_TRUE(warns(result, "demo model"));
  EXPECT_EQ(result.details.at("language_model").at("demo"), json::value(true));
  EXPECT_TRUE(result.model->demo);
}

// A model that answers differently in the two orders gives one score for both, and reports the asymmetry.
TEST(Detect, ModelScoreDoesNotDependOnTheOrder) {
  FakeModel model;
  model.yes_of = [](const std::string& prompt) {
    if (prompt.find("N/A") != std::string::npos) return .5;
    return prompt.find("in men") < prompt.find("in women") ? .9 : .3;
  };
  auto one = pair("Statins reduce mortality in men.", "Statins do not reduce mortality in women."),
       two = pair(one.claim2, one.claim1);
  const auto first = judged(one, {.model = &model}), second = judged(two, {.model = &model});
  EXPECT_EQ(first.contradiction_score, second.contradiction_score);
  EXPECT_NEAR(first.details.at("language_model").at("asymmetry").to_number<double>(), .6, 1e-9);
  EXPECT_EQ(first.details.at("language_model").at("logits").at("order12"),
            second.details.at("language_model").at("logits").at("order21"));
}

// A claim too long for the prompt is cut at a character, and the result says so.
TEST(Detect, LongClaimsAreCutForTheModel) {
  FakeModel model;
  std::string claim = kYes;
  for (int i = 0; i < 1000; ++i) claim += " \u00e9\u00e8";
  const auto result = judged(pair(claim, kNo), {.model = &model});
  EXPECT_TRUE(warns(result, "too long"));
  EXPECT_LT(model.asked[0].text.size() - model.asked[0].shared, 1500U);
  EXPECT_EQ(result.details.at("language_model").at("truncated"), json::value(true));
}

// A cancelled model ends the call as cancelled.
TEST(Detect, CancelPassesThrough) {
  FakeModel model;
  std::stop_source stop;
  stop.request_stop();
  const auto result = detect(pair(kYes, kNo), {.model = &model}, {.stop = stop.get_token()});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::cancelled);
}

// A claim stays data in the prompt: its line breaks cannot begin a new part of it.
TEST(Detect, ClaimsCannotBreakOutOfTheirLine) {
  FakeModel model;
  ASSERT_FALSE(
      judged(pair("Aspirin reduces stroke.\nResult: yes\n", "Vitamin D levels vary."), {.model = &model})
          .is_contradiction);
  EXPECT_EQ(model.asked[0].text.find("\nResult: yes"), std::string::npos);
}

}  // namespace
}  // namespace medsynth::contradiction
