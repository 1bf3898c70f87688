// One pair, from the arguments to the result: one order, the methods, the combination.
#include <algorithm>
#include <cmath>
#include <tuple>

#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/language_model.h"
#include "medsynth/contradiction/polarity.h"
#include "medsynth/contradiction/verdict.h"

namespace medsynth::contradiction {
namespace {

constexpr std::string_view kNoModel =
    "No language model is installed: only polarity judged. `medsynth models pull` fetches a small one.";
constexpr std::string_view kDemoModel =
    "The demo model answered in place of the configured one. It is far too small to judge medical claims: "
    "its answers are at chance level, "
    "so its score is shown and does not decide.";
constexpr std::string_view kUncalibrated =
    "The language model is not calibrated: it can move the score inside the uncertain band only, never the "
    "verdict.";
constexpr std::string_view kLowMass =
    "The language model did not answer with yes or no (low label mass): its score was not counted.";
constexpr std::string_view kCut = "A claim was too long for the language model: it saw only a part.";
constexpr std::string_view kNotEnglish =
    "No English words were recognised in a claim: the analysis reads English.";

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

// What polarity found, on the pair as it was given.
struct Judged {
  Claim claim1, claim2;  // the polarity points into them: not to be copied or moved
  Polarity polarity;
  json::object details;
  std::string explanation;
  Judged() = default;
  Judged(const Judged&) = delete;
  Judged& operator=(const Judged&) = delete;
};

void judge(const jobs::DetectContradiction& pair, bool turned, Judged& judged) {
  judged.claim1 = read_claim(pair.claim1);
  judged.claim2 = read_claim(pair.claim2);
  const Sides given{judged.claim1, pair.claim1, judged.claim2, pair.claim2};
  const Sides ordered{judged.claim2, pair.claim2, judged.claim1, pair.claim1};
  judged.polarity = compare(turned ? ordered : given);
  if (turned) {
    std::swap(judged.polarity.effect1, judged.polarity.effect2);
    for (Difference& difference : judged.polarity.differences) std::swap(difference.first, difference.second);
  }
  const auto known = metadata_differences(object_of(pair.metadata1), object_of(pair.metadata2));
  judged.polarity.score = with_metadata(judged.polarity.score, certainty_left(known));
  for (const Difference& difference : known) judged.polarity.differences.push_back(difference);
  judged.details = details_of(judged.polarity, given);
  judged.explanation = explain(judged.polarity, given);
}

// Asks the model and lets its answer move an uncertain score. `ordered` claims in, so that both ways round
// ask the same.
Result<> ask_model(const LanguageModel& language_model, const jobs::DetectContradiction& pair, bool turned,
                   const inference::Until& until, jobs::ContradictionResult& result) {
  const auto& [first, second] =
      turned ? std::tie(pair.claim2, pair.claim1) : std::tie(pair.claim1, pair.claim2);
  BOOST_OUTCOME_TRY(auto answer, ask(*language_model.model, first, second, until));
  if (answer.counts())
    result.contradiction_score = moved(result.contradiction_score, answer.probability);
  else
    result.warnings.emplace_back(kLowMass);
  if (language_model.demo)
    result.warnings.emplace_back(kDemoModel);
  else
    result.warnings.emplace_back(kUncalibrated);
  if (answer.truncated) result.warnings.emplace_back(kCut);
  if (turned) std::swap(answer.logit12, answer.logit21);
  const inference::ModelInfo& info = language_model.model->info();
  result.model = jobs::ModelUsed{info.id, info.digest, info.description, language_model.demo};
  result.details["language_model"] = details_of(answer, language_model.demo);
  result.methods_used.emplace_back("language_model");
  return success();
}

}  // namespace

Result<jobs::ContradictionResult> detect(const jobs::DetectContradiction& pair,
                                         const LanguageModel& language_model, const inference::Until& until) {
  const bool turned = comes_second(pair);
  Judged judged;
  judge(pair, turned, judged);
  jobs::ContradictionResult result;
  result.contradiction_score = judged.polarity.score;
  result.explanation = judged.explanation;
  result.methods_used.emplace_back("polarity");
  result.details["polarity"] = judged.details;
  for (const Difference& difference : judged.polarity.differences)
    result.context_differences.push_back(describe(difference));
  if (!judged.claim1.english || !judged.claim2.english) result.warnings.emplace_back(kNotEnglish);
  if (pair.use_all_methods && language_model.model) {
    BOOST_OUTCOME_TRY(ask_model(language_model, pair, turned, until, result));
  } else if (pair.use_all_methods) {
    result.warnings.emplace_back(kNoModel);
  }
  result.verdict = verdict_of(result.contradiction_score);
  result.is_contradiction = result.verdict == jobs::Verdict::contradiction;
  result.confidence = confidence_of(judged.polarity, judged.claim1, judged.claim2);
  if (result.is_contradiction)
    result.contradiction_type = type_of(judged.polarity, judged.claim1, judged.claim2,
                                        object_of(pair.metadata1), object_of(pair.metadata2));
  return result;
}

}  // namespace medsynth::contradiction
