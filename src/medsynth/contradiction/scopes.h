// Assertion status of each word of a sentence, as NegEx and ConText have it (Chapman et al. 2001; Harkema et
// al. 2009): a trigger's scope runs to the next termination. Pure, linear in the length of the sentence.
#pragma once

#include <span>
#include <vector>

#include "medsynth/contradiction/lexicon.h"

namespace medsynth::contradiction {

struct Status {
  bool denied = false;
  bool of_family = false;
  bool past = false;
  bool hypothetical = false;
};

// One for each item. `question`: the sentence ends with a question mark.
std::vector<Status> scopes(std::span<const Item> items, bool question);

// "... than in those who did not.": the denial at `at` only says whom it is compared with.
bool ends_comparison(std::span<const Item> items, std::size_t at);

}  // namespace medsynth::contradiction
