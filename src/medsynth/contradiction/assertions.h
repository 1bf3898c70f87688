// Part of the method `polarity` for statements without an effect ("no chest pain", "blood cultures were
// positive"): one thing asserted in one claim and denied in the other. Pure.
#pragma once

#include <vector>

#include "medsynth/contradiction/claim.h"

namespace medsynth::contradiction {

struct Assertions {
  double coverage = 0;  // share of the shorter claim's words that the other claim has, 0..1
  double conflict = 0;  // share of those that one claim asserts and the other denies, 0..1
  double finding = 0;  // share of the comparable findings and outcomes ("edema"), whatever stands beside them
  double rivals =
      0;  // share of those that the other claim excludes by a word of its own ("acute", "chronic"), 0..1
  struct Met {
    Span first, second;  // in claim 1, in claim 2
  };
  std::vector<Met> conflicts;  // where; at most 16
};

// Words that only one person's side has ("mother had"), or that are mere possibilities, meet nothing.
Assertions compare_assertions(const Claim& claim1, const Claim& claim2);

}  // namespace medsynth::contradiction
