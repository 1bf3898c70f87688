// Differences of context: who, how much, how long, against what. They explain most apparent conflicts, so
// they are named and make a contradiction less sure, never more. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/json.h"
#include "medsynth/contradiction/claim.h"

namespace medsynth::contradiction {

struct Difference {
  std::string what;           // "population or setting"
  std::string first, second;  // as the claims have it; empty: not stated there
  double factor = 1;          // what is left of the certainty of a contradiction
};

// Below this factor two statements are about different situations.
inline constexpr double kOtherSituation = .3;

struct Sides {
  const Claim& claim1;
  std::string_view text1;
  const Claim& claim2;
  std::string_view text2;
};

// Between two effects; nullptr for claims without.
std::vector<Difference> context_differences(const Sides& sides, const Effect* effect1, const Effect* effect2,
                                            bool reversed);

// One claim speaks of those who are, the other one of those who are not ("unvaccinated children"), or each of
// another kind of one thing ("breast cancer", "lung cancer"): what is said of one is not said of the other.
bool speak_of_different_things(const Claim& claim1, const Claim& claim2);

// What is left of the certainty after all of them.
double certainty_left(const std::vector<Difference>& differences);

// Between what callers know about the claims: population, species, dose, comparator, outcome, design, year
// ... by these names.
std::vector<Difference> metadata_differences(const json::object& metadata1, const json::object& metadata2);

// "dose: 75 mg (claim 1), 300 mg (claim 2)".
std::string describe(const Difference& difference);

}  // namespace medsynth::contradiction
