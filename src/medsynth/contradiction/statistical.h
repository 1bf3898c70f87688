// The method `statistical`: what the numbers of two claims say of each other. Intervals that exclude each
// other, significance against none, effects on opposite sides of none, shares and amounts of one thing that
// cannot both be right. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/context.h"

namespace medsynth::contradiction {

// A part of each claim; empty where one claim has none.
struct Evidence {
  std::string_view role;
  Span first, second;
};

struct Comparison {
  double score = .5;  // from 0 (they agree) to 1 (they exclude each other); .5: there is nothing to compare
  std::string_view what;  // the finding, without full stop; empty: there was nothing to compare
  std::vector<Evidence> evidence;
};

// A sentence with the evidence in quotes; `sides` in the order of the comparison.
std::string explain(const Comparison& comparison, const Sides& sides);

// `about`: how far the claims are about the same thing, 0..1; below a half their numbers are not compared.
Comparison compare_statistics(const Sides& sides, double about);

}  // namespace medsynth::contradiction
