// Are two statements about the same thing? Overlap of words, slot by slot: without the agent or the outcome
// in common, shared words mean little. Pure.
#pragma once

#include "medsynth/contradiction/claim.h"

namespace medsynth::contradiction {

// Overlap of two lists by weight, 0..1: the shared part of the smaller one, and of both together (Jaccard).
struct Overlap {
  double contained = 0;
  double jaccard = 0;
  double topic() const;  // one number: half of the smaller list is far from half the topic
};
// `findings`: a whole that one list denies and a kind of it that the other one has meet in full.
Overlap overlap(const Words& a, const Words& b, bool findings = false);

// How two effects meet.
struct Topic {
  double score = 0;  // 0..1
  double agent = 0;  // contained, of the slots that were compared
  double outcome = 0;
  bool reversed = false;  // "A better than B" meets "B better than A": one direction must be turned round
};
Topic topic_of(const Effect& a, const Effect& b);

double found_in(const Words& part, const Words& whole);  // how much of `part` is found in `whole`, 0..1
bool says_something(const Words& words);  // more than accompanying words like "risk" or "treatment"

}  // namespace medsynth::contradiction
