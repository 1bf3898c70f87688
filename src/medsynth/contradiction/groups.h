// People named by what they are not: "patients without diabetes", "never smokers", "unvaccinated children",
// "treatment-naive patients", "mothers who did not smoke". Such words name others than those who are; they
// deny nothing of what the sentence goes on to say. Pure, linear in the length of the sentence.
#pragma once

#include <string_view>
#include <vector>

#include "medsynth/contradiction/lexicon.h"

namespace medsynth::contradiction {

// Takes the denials of groups out of `items` and marks the words that they belong to: Entry::complement, and
// Entry::group where people are named by it. "The patient is unvaccinated" is a complement and no group.
void name_groups(std::vector<Item>& items);

bool names_people(std::string_view word);  // "patients", "women", "carriers"

}  // namespace medsynth::contradiction
