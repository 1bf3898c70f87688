// The method `polarity`: same agent and outcome, opposite assertion or direction. Pure; reading the claims
// costs most, so who compares one claim with many reads it once.
#pragma once

#include <string>
#include <vector>

#include "medsynth/base/json.h"
#include "medsynth/contradiction/assertions.h"
#include "medsynth/contradiction/context.h"
#include "medsynth/jobs/jobs.h"

namespace medsynth::contradiction {

struct Polarity {
  enum class Finding {
    identical,  // the same words
    opposed,    // about the same thing, and they exclude each other
    agrees,     // about the same thing, and they do not
    unrelated,  // not about the same thing
    undecided,  // one of them asserts nothing, or what it asserts cannot be compared
    unread,     // no words to compare
    foreign,    // one of them is not in English
  };
  Finding finding = Finding::unrelated;
  double score = .5;              // 0..1, of the deciding pair of effects alone
  double topic = 0;               // 0..1
  double agent = 0, outcome = 0;  // shared parts of the slots
  double words = 0;               // shared part of all topic words
  // An effect of the shorter claim against statements of the longer one that meet it only in part: its agent
  // anywhere, its outcome as outcome or setting. The best of both kinds, 0..1.
  double loosely_opposed = 0, loosely_agrees = 0;
  // Shared part of the agent of two effects, one good, one bad, where one of them says it in general ("is
  // harmful").
  double agent_opposed = 0;
  Assertions assertions;
  const Effect* effect1 = nullptr;  // the pair that decided; they live in the claims
  const Effect* effect2 = nullptr;
  std::vector<Difference> differences;
};

// The score is that of (claim2, claim1) to the last bit only when the caller keeps one order: see detect().
Polarity compare(const Sides& sides);

// Where it stands in one claim: the effect, its negation, and the words shared with the other claim; for
// claims without effects, the words that one asserts and the other denies.
struct PolarityEvidence {
  std::vector<jobs::EvidenceSpan> first, second;
};
PolarityEvidence evidence_of(const Polarity& polarity, const Sides& sides);

json::object details_of(const Polarity& polarity, const Sides& sides);

// What the two effects are and how they meet, in a sentence. Not the verdict's reason: see judge.h.
std::string explain(const Polarity& polarity, const Sides& sides);

// "effect" with the denial that goes with it, in quotes; of claims without an effect, their denial.
std::string said(const Claim& claim, const Effect* effect, std::string_view text);

// A span as part of a result: in Unicode code points, with its text.
jobs::EvidenceSpan evidence(std::string_view role, Span span, std::string_view text);

}  // namespace medsynth::contradiction
