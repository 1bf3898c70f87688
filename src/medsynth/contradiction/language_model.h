// The methods `language_model` and `entailment`: what a model that judges says to a pair.
//
// `language_model`: what a model says to "do these two findings agree, disagree, or are they about
// different things", read from the probabilities of the answers, not from generated text. Deterministic for
// one model and one machine.
//
// How a pair is asked is data (data/prompt.json): instructions and worked examples, which a model computes
// once and keeps, then the two claims. Every order of a pair is asked, and what the model answers to empty
// claims is taken off each answer.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/described.h"
#include "medsynth/base/json.h"
#include "medsynth/inference/engine.h"

namespace medsynth::contradiction {

struct WorkedExample {
  std::string finding1, finding2, answer;
};
BOOST_DESCRIBE_STRUCT(WorkedExample, (), (finding1, finding2, answer))

// The words that a model answers with.
struct AnswerWords {
  std::string agree, disagree, different;
};
BOOST_DESCRIBE_STRUCT(AnswerWords, (), (agree, disagree, different))

struct PromptTemplate {
  std::string
      version;  // a calibration is worth something for one of them only: another text, another version
  std::string instructions;
  AnswerWords answers;
  std::vector<WorkedExample> examples;
};
BOOST_DESCRIBE_STRUCT(PromptTemplate, (), (version, instructions, answers, examples))

const PromptTemplate& prompt_template();

// One order of a pair, and the answers to score after it: agree, disagree, different. The claims stand in it
// as they are; `constant` as of inference::Prompt. It is a text to continue, not a turn of a chat: the worked
// examples say how it goes on, and models that follow instructions answer to them better than to being asked.
inference::Prompt prompt_of(std::string_view first, std::string_view second, bool constant = false);
std::array<std::string, 3> labels();

// Below this probability of all labels together the model answers something else, and what it says does not
// count.
inline constexpr double kMinLabelMass = .1;

// How a pair is asked, for calibrations: another wording, another version. `method`: language_model, entailment.
std::string_view wording_of(std::string_view method);

struct ModelAnswer {
  // Probabilities, both orders averaged, the bias of the empty question taken off each.
  double agree = 0, disagree = 0,
         different = 0;             // of an entailment model: entailment, contradiction, neutral
  double logit12 = 0, logit21 = 0;  // log_odds() of each order
  double label_mass = 0;            // of the order that has less
  bool truncated = false;           // a claim was too long for the prompt
  bool entailment = false;          // of an entailment model
  // Natural logarithm of P(disagree) / P(agree): 0, a probability of one half, where the model knows nothing.
  // Of an entailment model it is that of a contradiction against all else.
  double log_odds() const { return (logit12 + logit21) / 2; }
  double probability() const;
  double asymmetry() const;  // |probability of 12 - probability of 21|
  bool counts() const { return label_mass >= kMinLabelMass; }
};

// Both orders in one call; the empty question is the same for all pairs, and the model keeps its score.
// Errors are the model's.
Result<ModelAnswer> ask(inference::Model& model, std::string_view claim1, std::string_view claim2,
                        const inference::Until& until);

// The answers of an entailment model, one for each pair: both orders in one call, and their log odds averaged,
// so that a pair has the same answer both ways round.
Result<std::vector<ModelAnswer>> ask_entailment(inference::Model& model,
                                                std::span<const inference::TextPair> pairs,
                                                const inference::Until& until);

json::object details_of(const ModelAnswer& answer, bool calibrated, bool demo);

}  // namespace medsynth::contradiction
