// The method `language_model`: what a model says to "do these contradict each other, yes or no", read from
// the probabilities of the answers, not from generated text. Deterministic for one model and one machine.
#pragma once

#include <string>
#include <string_view>

#include "medsynth/base/json.h"
#include "medsynth/inference/engine.h"

namespace medsynth::contradiction {

// Names the wording of the prompt, its labels and the arithmetic; a calibration is worth something for one of
// them only.
inline constexpr std::string_view kTemplate = "contradiction-yes-no-1";

// Below this probability of all labels together the model answers something else, and what it says does not
// count.
inline constexpr double kMinLabelMass = .1;

struct ModelAnswer {
  double probability = .5;  // of "yes", both orders averaged, the bias of the empty question taken off
  double logit12 = 0, logit21 = 0, bias = 0;  // natural logarithm of P(yes) / P(no)
  double label_mass = 0;                      // of the order that has less
  bool truncated = false;                     // a claim was too long for the prompt
  double asymmetry() const;                   // |P(yes | 12) - P(yes | 21)|
  bool counts() const { return label_mass >= kMinLabelMass; }
};

// Both orders in one call; the empty question is the same for all pairs, and the model keeps its score.
// Errors are the model's.
Result<ModelAnswer> ask(inference::Model& model, std::string_view claim1, std::string_view claim2,
                        const inference::Until& until);

json::object details_of(const ModelAnswer& answer, bool demo);

}  // namespace medsynth::contradiction
