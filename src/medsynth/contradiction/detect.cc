// One pair, from the arguments to the result: one order, the methods, the combination.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <tuple>

#include <fmt/format.h>

#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/instructions.h"
#include "medsynth/contradiction/language_model.h"
#include "medsynth/contradiction/verdict.h"

namespace medsynth::contradiction {
namespace {

constexpr std::string_view kNoModel =
    "No language model was asked: the analysis of the text judged alone. `medsynth models pull` fetches a "
    "small "
    "one, `medsynth models use NAME` chooses one of yours.";
constexpr std::string_view kDemoModel =
    "The demo model answered in place of the configured one. It is far too small to judge medical claims: "
    "its answers are at chance level, "
    "so its score is shown and does not decide.";
constexpr std::string_view kUncalibrated =
    "model is not calibrated: it can move the score inside the uncertain band only, never the verdict. "
    "`medsynth models use NAME` calibrates it.";
constexpr std::string_view kKnowsNothing =
    "model was not shown to help on pairs of this kind when it was calibrated: its answer does not count.";
constexpr std::string_view kLowMass =
    "The language model did not answer with agree, disagree or different (low label mass): its score was not "
    "counted.";
constexpr std::string_view kSpeaksToModel =
    "A claim has text that speaks to a language model (instructions, marks of a chat): no model was asked, "
    "and the "
    "analysis of the text judged alone. Take that text out to have a model's answer.";
constexpr const char* kCut = "A claim was too long for the {} model: it saw only a part.";
constexpr std::string_view kNotEnglish =
    "A claim is not in English: it was not analysed. Translate it, the analysis reads English.";

std::string about_model(bool entailment, std::string_view what) {
  return fmt::format("The {} {}", entailment ? "entailment" : "language", what);
}

const json::object& object_of(const std::optional<json::object>& metadata) {
  static const json::object kNone;
  return metadata ? *metadata : kNone;
}

// The pair in the order of its bytes, metadata included: every method sees the same pair, whichever way round
// it came.
bool comes_second(const jobs::DetectContradiction& pair) {
  const auto key = [](const std::string& claim, const std::optional<json::object>& metadata) {
    return std::make_tuple(std::string_view(claim), metadata ? json::write(*metadata) : std::string());
  };
  return key(pair.claim2, pair.metadata2) < key(pair.claim1, pair.metadata1);
}

// What the methods without a model found, on the pair as it was given.
struct Judged {
  Claim claim1, claim2;  // the judgement points into them: not to be copied or moved
  Judgement judgement;
  double metadata_left = 1;  // certainty after differences that only the metadata knows
  Judged() = default;
  Judged(const Judged&) = delete;
  Judged& operator=(const Judged&) = delete;
};

void judge(const jobs::DetectContradiction& pair, bool turned, Judged& judged) {
  judged.claim1 = read_claim(pair.claim1);
  judged.claim2 = read_claim(pair.claim2);
  const Sides given{judged.claim1, pair.claim1, judged.claim2, pair.claim2};
  const Sides other{judged.claim2, pair.claim2, judged.claim1, pair.claim1};
  judged.judgement = judge(turned ? other : given);
  if (turned) turn(judged.judgement);
  if (!pair.use_all_methods) {
    Judgement& judgement = judged.judgement;
    judgement.statistical = judgement.temporal = {};
    judgement.features.statistical = judgement.features.temporal = 0;
  }
  const auto known = metadata_differences(object_of(pair.metadata1), object_of(pair.metadata2));
  judged.metadata_left = certainty_left(known);
  auto& differences = judged.judgement.polarity.differences;
  differences.insert(differences.end(), known.begin(), known.end());
}

void report(const Judged& judged, const jobs::DetectContradiction& pair, jobs::ContradictionResult& result) {
  const Sides given{judged.claim1, pair.claim1, judged.claim2, pair.claim2};
  const Judgement& judgement = judged.judgement;
  result.methods_used.emplace_back("polarity");
  result.details["polarity"] = details_of(judgement.polarity, judgement.seen(given));
  if (pair.use_all_methods) {
    result.methods_used.emplace_back("statistical");
    result.details["statistical"] = details_of(judgement.statistical, given);
    result.methods_used.emplace_back("temporal");
    result.details["temporal"] = details_of(judgement.temporal, given);
  }
  for (const Difference& difference : judgement.polarity.differences)
    result.context_differences.push_back(describe(difference));
  if (judgement.polarity.finding == Polarity::Finding::foreign) result.warnings.emplace_back(kNotEnglish);
}

// Are the claims about the same thing at all: the cosine of their embeddings, which are normalised.
Result<> embed(inference::Model& model, const jobs::DetectContradiction& pair, bool turned,
               const inference::Until& until, Features& features, jobs::ContradictionResult& result) {
  const std::array texts{turned ? pair.claim2 : pair.claim1, turned ? pair.claim1 : pair.claim2};
  BOOST_OUTCOME_TRY(const auto embeddings, model.embed(texts, until));
  const double cosine =
      std::inner_product(embeddings[0].begin(), embeddings[0].end(), embeddings[1].begin(), 0.0);
  features.embedding_similarity = std::clamp(cosine, -1.0, 1.0);
  features.embedding_used = 1;
  result.methods_used.emplace_back("embedding_similarity");
  result.details["embedding_similarity"] = json::object{
      {"score", features.embedding_similarity}, {"model", model.info().id}, {"digest", model.info().digest}};
  return success();
}

// A model that judges, and how it counts.
struct Judge {
  inference::Model& model;
  bool entailment = false, demo = false, calibrated = false;

  std::string method() const { return entailment ? "entailment" : "language_model"; }
};

Result<ModelAnswer> answer_of(const Judge& judge, const std::string& first, const std::string& second,
                              const inference::Until& until) {
  if (!judge.entailment) return ask(judge.model, first, second, until);
  const std::array pairs{inference::TextPair{first, second}};
  BOOST_OUTCOME_TRY(auto answers, ask_entailment(judge.model, pairs, until));
  return answers.front();
}

// `ordered` claims in, so that both ways round ask the same.
Result<ModelAnswer> ask_model(const Judge& judge, const jobs::DetectContradiction& pair, bool turned,
                              const inference::Until& until, jobs::ContradictionResult& result) {
  const auto& [first, second] =
      turned ? std::tie(pair.claim2, pair.claim1) : std::tie(pair.claim1, pair.claim2);
  BOOST_OUTCOME_TRY(auto answer, answer_of(judge, first, second, until));
  if (!answer.counts()) result.warnings.emplace_back(kLowMass);
  if (judge.demo) result.warnings.emplace_back(kDemoModel);
  if (!judge.demo && !judge.calibrated)
    result.warnings.push_back(about_model(judge.entailment, kUncalibrated));
  if (answer.truncated)
    result.warnings.push_back(fmt::format(kCut, judge.entailment ? "entailment" : "language"));
  if (turned) std::swap(answer.logit12, answer.logit21);
  const inference::ModelInfo& info = judge.model.info();
  result.model = jobs::ModelUsed{info.id, info.digest, info.description, judge.demo};
  result.details[judge.method()] = details_of(answer, judge.calibrated, judge.demo);
  result.methods_used.push_back(judge.method());
  return answer;
}

// Into the features; how far it moves the score, beside what would be said without it, into the details.
void count_answer(const ModelAnswer& answer, const Judged& judged, const Combination& combination,
                  Features& features, jobs::ContradictionResult& result) {
  constexpr double kMost = 5;
  const double without = score_of(judged.judgement, combination);
  const auto& [log_odds, used, evidence, evidence_used] =
      answer.entailment ? std::tie(features.entailment, features.entailment_used,
                                   features.evidence_entailment, features.evidence_entailment_used)
                        : std::tie(features.language_model, features.language_model_used,
                                   features.evidence_language_model, features.evidence_language_model_used);
  log_odds = std::clamp(answer.log_odds(), -kMost, kMost);
  used = 1;
  evidence = features.evidence * log_odds;
  evidence_used = features.evidence;
  const auto weight_of = [&](const std::string& name) {
    const auto found = combination.weights.find(name);
    return found == combination.weights.end() ? 0 : found->second;
  };
  const std::string method = answer.entailment ? "entailment" : "language_model";
  const double weight = weight_of(method) + features.evidence * weight_of("evidence_" + method);
  json::object& details = result.details[method].as_object();
  details["weight"] = weight;
  details["moved"] = score_of(judged.judgement, combination) - without;
  constexpr double kNothing = 1e-9;
  if (std::abs(weight) < kNothing) result.warnings.push_back(about_model(answer.entailment, kKnowsNothing));
}

}  // namespace

Result<jobs::ContradictionResult> detect(const jobs::DetectContradiction& pair,
                                         const LanguageModel& language_model, const inference::Until& until) {
  const Combination& combination =
      language_model.combination ? *language_model.combination : built_in_combination();
  const Band& band = combination.uncertain;
  const bool turned = comes_second(pair);
  Judged judged;
  judge(pair, turned, judged);
  jobs::ContradictionResult result;
  report(judged, pair, result);
  Features& features = judged.judgement.features;
  if (pair.use_all_methods && language_model.sentence_model) {
    BOOST_OUTCOME_TRY(embed(*language_model.sentence_model, pair, turned, until, features, result));
  }
  std::vector<double> uncalibrated;  // what models say that are not calibrated
  if (pair.use_all_methods && !language_model.model && !language_model.entailment_model)
    result.warnings.emplace_back(kNoModel);
  for (inference::Model* model : {language_model.model, language_model.entailment_model}) {
    if (!model) continue;
    Judge judge{.model = *model, .entailment = model == language_model.entailment_model};
    judge.demo = !judge.entailment && language_model.demo;
    judge.calibrated = combination.weights.contains(judge.method()) && !judge.demo;
    if (!pair.use_all_methods && !judge.calibrated) continue;
    // An entailment model follows no instructions: there is nothing that it could be talked into.
    if (!judge.entailment && (has_instructions(pair.claim1) || has_instructions(pair.claim2))) {
      result.warnings.emplace_back(kSpeaksToModel);
      continue;
    }
    BOOST_OUTCOME_TRY(const ModelAnswer answer, ask_model(judge, pair, turned, until, result));
    if (!answer.counts()) continue;
    if (judge.calibrated)
      count_answer(answer, judged, combination, features, result);
    else
      uncalibrated.push_back(answer.probability());
  }
  double score = with_metadata(score_of(judged.judgement, combination), judged.metadata_left, band);
  for (const double probability : uncalibrated) score = moved(score, probability, band);
  result.contradiction_score = score;
  result.calibrated = combination.trained_on.pairs > 0;
  result.details["combination"] = json::object{{"score", score},
                                               {"features", described::to_value(features)},
                                               {"trained_on", described::to_value(combination.trained_on)}};
  result.verdict = verdict_of(score, band);
  // What was not read cannot be judged, whatever the metadata or a model say.
  if (judged.judgement.polarity.finding == Polarity::Finding::foreign)
    result.verdict = jobs::Verdict::uncertain;
  result.explanation = explain(judged.judgement, {judged.claim1, pair.claim1, judged.claim2, pair.claim2},
                               combination, result.verdict);
  result.is_contradiction = result.verdict == jobs::Verdict::contradiction;
  result.confidence = confidence_of(judged.judgement, score, band, judged.claim1, judged.claim2);
  if (result.is_contradiction)
    result.contradiction_type = type_of(judged.judgement, judged.claim1, judged.claim2,
                                        object_of(pair.metadata1), object_of(pair.metadata2));
  return result;
}

}  // namespace medsynth::contradiction
