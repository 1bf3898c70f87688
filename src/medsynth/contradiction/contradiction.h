// Do two findings contradict each other? Text in, findings out; models come in through inference::Model.
// Pure: no I/O, no threads, no clock (but analyze() looks whether its deadline or its budget of time is over); deterministic;
// exactly symmetric in the two claims. Thread safe. It reads English; it is a research aid, not clinical
// advice.
//
//   jobs::DetectContradiction pair{.claim1 = "Aspirin reduces stroke.", .claim2 = "Aspirin does not reduce
//   stroke."}; BOOST_OUTCOME_TRY(auto result, detect(pair, {.model = model}, until));  // {}: without a
//   language model result.verdict == jobs::Verdict::contradiction; result.explanation;
//   result.details["polarity"];
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/contradiction/combination.h"
#include "medsynth/inference/engine.h"
#include "medsynth/jobs/jobs.h"

namespace medsynth::contradiction {

// What may be asked beside the analysis of the text; nothing is owned.
struct LanguageModel {
  inference::Model* model = nullptr;             // of the method language_model; null: not asked
  bool demo = false;                             // the demo model answers in place of a real one: say so
  inference::Model* sentence_model = nullptr;    // of the method embedding_similarity; null: not asked
  inference::Model* entailment_model = nullptr;  // of the method entailment; null: not asked
  const Combination* combination = nullptr;      // weights of one's own; null: the built-in ones
};

// Judges one pair. `duration` of the result is left 0 for the caller, who has the clock. Methods: `polarity`
// always; with use_all_methods `statistical`, `temporal`, and `embedding_similarity`, `language_model` and
// `entailment` where there is a model (a warning says so when there is none that judges). Such a model is calibrated
// when the combination has a weight for it: then it is asked without use_all_methods too, and counts like
// every method; else it moves scores inside the uncertain band only, and a verdict never rests on it. `until`
// is the models': the analysis takes well below a second for the longest claims. Errors are the models'
// (timeout, cancelled, ...). Nothing is checked here that jobs::check() checks.
Result<jobs::ContradictionResult> detect(const jobs::DetectContradiction& pair,
                                         const LanguageModel& language_model, const inference::Until& until);

// Candidate claims of an article: its `claims` when given, else the sentences of its abstract that find
// something (see findings/findings.h; of the results and conclusions where the abstract has such labels).
std::vector<std::string> claims_of(const jobs::Article& article);

// Reads the findings of all articles, compares those of different articles that may be about one question,
// and reports contradictions from the threshold on, strongest first, with the questions they belong to. A
// score is how many of the pairs with such a score hold. An article without id is "article-<n>", counted
// from 1. `progress` (may be empty) takes 0..1, rising, and what is being done; it is called on this thread. What is left out
// (fields that nobody reads, text that is not English, pairs of a question with thousands of findings, a
// report too long, sentences beyond the budget of time) is said in `warnings` and counted. Errors: cancelled,
// timeout, and the sentence model's. A sentence model (may be null) finds pairs that say similar things in
// other words, and how near two sentences are counts in the score. An entailment model (may be null) reads the
// candidates, the strongest first, within the budget: it moves their scores as far as `skill` says, which was
// measured on findings. No language model is asked. Time grows with n log n of the findings.
struct AnalysisModels {
  inference::Model* sentence = nullptr;
  inference::Model* entailment = nullptr;
  ModelSkill skill = {};  // of the entailment model; weight 0: its answers are shown and move nothing
};
using AnalysisProgress = std::function<void(double part, std::string_view stage)>;
Result<jobs::ArticlesResult> analyze(const jobs::AnalyzeArticles& arguments, const inference::Until& until,
                                     const AnalysisProgress& progress, const AnalysisModels& models = {});

}  // namespace medsynth::contradiction
