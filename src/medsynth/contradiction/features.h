// What the methods say of one pair, as numbers with names: the input of the combination (combination.h) and
// of its training (train.h). A feature that no method filled in is 0 and moves nothing. All are the same for
// (claim1, claim2) and (claim2, claim1).
#pragma once

#include <string_view>
#include <vector>

#include <boost/describe.hpp>

namespace medsynth::contradiction {

struct Features {
  // polarity, of the effects that decided: 0..1 each
  double opposed = 0;    // they are about one thing and exclude each other; differences of context taken off
  double agrees = 0;     // they are about one thing and do not
  double undecided = 0;  // about one thing, but one asserts nothing or cannot be compared
  double topic = 0;      // how far they are about the same thing
  double agent = 0;      // shared part of their agents
  double outcome = 0;    // shared part of their outcomes
  double loosely_opposed = 0;  // an effect of the shorter claim against any statement of the longer one
  double loosely_agrees = 0;
  double prevails = 0;       // by how much the best opposition exceeds the best agreement
  double agent_opposed = 0;  // effects of one agent in opposite directions, good or bad, whatever on
  double hedged = 0;         // 0, .5 or 1: neither, one or both of them
  double context = 0;        // certainty lost to differences of population, dose, comparator, ...
  // all words of both claims, in whatever order: 0..1 each
  double denied = 0;         // asserted in one, denied in the other, where a claim states no effect
  double denied_effect = 0;  // the same where both state effects
  double antonyms = 0;       // words that exclude each other ("acute", "chronic")
  double shared = 0;         // shared part of the topic words
  double negation = 0;       // one claim denies, the other does not; times the square of `shared`
  double direction = 0;      // all effects of one exclude all of the other; times the square of `shared`
  double strangers = 0;      // the share of all words that only one claim has
  double covered = 0;  // agent and outcome of an effect of the shorter claim, found anywhere in the longer
  double covered_context = 0;    // `context` times `covered`
  double outcome_negation = 0;   // `negation` times `outcome`
  double covered_negation = 0;   // as `negation`, times `covered`
  double covered_direction = 0;  // as `direction`, times `covered`
  double finding = 0;            // a finding ("edema") asserted in one, denied in the other
  // the same where one text is much longer, a claim and its evidence: slots match less and words count for
  // more
  double evidence = 0;  // 0: of one length .. 1: one is two and a half times as long
  double evidence_opposed = 0;
  double evidence_loosely = 0;
  double evidence_agent = 0;
  double evidence_negation = 0;
  double evidence_direction = 0;
  double evidence_denied = 0;
  // other methods: -1 (they agree) .. 1 (they exclude each other), 0: nothing to compare
  double statistical = 0;
  double temporal = 0;
  // models; `..._used` is 1 when the model was asked
  double embedding_similarity = 0;  // cosine, -1..1
  double embedding_used = 0;
  double language_model = 0;  // log odds of "disagree", bias removed, at most 5 either way
  double language_model_used = 0;
  double evidence_language_model = 0;  // times `evidence`
  double evidence_language_model_used = 0;
  double entailment = 0;  // log odds of "contradiction", at most 5 either way
  double entailment_used = 0;
  double evidence_entailment = 0;  // times `evidence`
  double evidence_entailment_used = 0;
};
BOOST_DESCRIBE_STRUCT(Features, (),
                      (opposed, agrees, undecided, topic, agent, outcome, loosely_opposed, loosely_agrees,
                       prevails, agent_opposed, hedged, context, denied, denied_effect, antonyms, shared,
                       negation, direction, strangers, covered, covered_context, outcome_negation,
                       covered_negation, covered_direction, finding, evidence, evidence_opposed,
                       evidence_loosely, evidence_agent, evidence_negation, evidence_direction,
                       evidence_denied, statistical, temporal, embedding_similarity, embedding_used,
                       language_model, language_model_used, evidence_language_model,
                       evidence_language_model_used, entailment, entailment_used, evidence_entailment,
                       evidence_entailment_used))

// In the order of the description.
std::vector<std::string_view> feature_names();
std::vector<double> values_of(const Features& features);

}  // namespace medsynth::contradiction
