// The method `polarity`: same agent and outcome, opposite assertion or direction. Pure; reading the claims
// costs most, so who compares one claim with many reads it once.
#pragma once

#include <string>
#include <vector>

#include "medsynth/base/json.h"
#include "medsynth/contradiction/assertions.h"
#include "medsynth/contradiction/context.h"

namespace medsynth::contradiction {

struct Polarity {
  enum class Finding {
    identical,  // the same words
    opposed,    // about the same thing, and they exclude each other
    agrees,     // about the same thing, and they do not
    unrelated,  // not about the same thing
    undecided,  // one of them asserts nothing, or what it asserts cannot be compared
    unread,     // no words to compare
  };
  Finding finding = Finding::unrelated;
  double score = .5;              // 0..1, of the deciding pair of effects alone
  double topic = 0;               // 0..1
  double agent = 0, outcome = 0;  // shared parts of the slots
  double words = 0;               // shared part of all topic words
  // An effect of the shorter claim against statements of the longer one that meet it only in part: its agent
  // anywhere, its outcome as outcome or setting. The best of both kinds, 0..1.
  double loosely_opposed = 0, loosely_agrees = 0;
  double agent_opposed =
      0;  // shared part of the agent of two effects, one good, one bad, on whatever outcome
  Assertions assertions;
  const Effect* effect1 = nullptr;  // the pair that decided; they live in the claims
  const Effect* effect2 = nullptr;
  std::vector<Difference> differences;
};

// The score is that of (claim2, claim1) to the last bit only when the caller keeps one order: see detect().
Polarity compare(const Sides& sides);

// As compare(), without the differences' texts, for many pairs.
json::object details_of(const Polarity& polarity, const Sides& sides);
std::string explain(const Polarity& polarity, const Sides& sides);

}  // namespace medsynth::contradiction
