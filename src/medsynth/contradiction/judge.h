// All methods that need no model, on one pair: from two claims to features. Pure; reading the claims costs
// most, so who compares one claim with many reads it once.
//
//   const Judgement judgement = judge({claim1, text1, claim2, text2});
//   probability(built_in_combination(), judgement.features);
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "medsynth/contradiction/assertions.h"
#include "medsynth/contradiction/combination.h"
#include "medsynth/contradiction/focus.h"
#include "medsynth/contradiction/polarity.h"
#include "medsynth/contradiction/statistical.h"
#include "medsynth/contradiction/temporal.h"

namespace medsynth::contradiction {

struct Judgement {
  Polarity polarity;
  Comparison statistical, temporal;
  Features features;
  bool apart = false;  // see speak_of_different_things()
  // The parts of the claims that are about each other (focus.h); null: the whole claim.
  std::shared_ptr<const Claim> part1, part2;

  // What was compared, where `given` is the pair in the order of the judgement.
  Sides seen(const Sides& given) const {
    return {part1 ? *part1 : given.claim1, given.text1, part2 ? *part2 : given.claim2, given.text2};
  }
};

// The same to the last bit for both orders only when the caller keeps one: see in_order().
Judgement judge(const Sides& sides);

// True when (text1, text2) stand in the order in which pairs are judged: that of their bytes.
bool in_order(std::string_view text1, std::string_view text2);

// Says it of the pair the other way round.
void turn(Judgement& judgement);

// 0..1. Claims in the same words contradict nothing, claims without words leave it open; else it is the
// combination's probability.
double score_of(const Judgement& judgement, const Combination& combination);

// Why the verdict is what it is, in a sentence or more; `sides` in the order of the judgement. It says that
// the claims exclude each other and on what ground, or what allows both, or what is missing: never anything
// else than the verdict. The weights tell the grounds apart.
std::string explain(const Judgement& judgement, const Sides& sides, const Combination& combination,
                    jobs::Verdict verdict);
std::string explain(const Judgement& judgement, const Sides& sides);  // by the built-in weights
json::object details_of(const Comparison& comparison, const Sides& sides);

// Where all of that stands in the two claims.
PolarityEvidence evidence_of(const Judgement& judgement, const Sides& sides);

}  // namespace medsynth::contradiction
