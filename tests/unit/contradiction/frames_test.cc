// What a sentence says of its own statement.
#include "medsynth/contradiction/frames.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "medsynth/contradiction/claim.h"

namespace medsynth::contradiction {
namespace {

const Effect& effect_of(const Claim& claim) {
  static const Effect kNone;
  return claim.effects.empty() ? kNone : claim.effects.back();
}

// Two denials assert.
TEST(Frames, DeniedDoubtsAssert) {
  for (const char* text :
       {"There is no question that smoking causes cancer.", "No one disputes that smoking causes cancer.",
        "Few would dispute that smoking causes cancer.", "It cannot be denied that smoking causes cancer.",
        "It is hardly deniable that smoking causes cancer.", "Nobody doubts that smoking causes cancer.",
        "There is little doubt that smoking causes cancer.", "Without question, smoking causes cancer.",
        "Undoubtedly, smoking causes cancer.", "It is not in dispute that smoking causes cancer."}) {
    const Claim claim = read_claim(text);
    EXPECT_EQ(effect_of(claim).outcomes(), kMore) << text;
    EXPECT_FALSE(effect_of(claim).hedged) << text;
    EXPECT_FALSE(claim.negated()) << text;
  }
}

// One denial of a statement denies it.
TEST(Frames, FalsityDenies) {
  for (const char* text :
       {"It is not true that smoking causes cancer.", "It is false that smoking causes cancer.",
        "It is wrong to say that smoking causes cancer.", "It is not the case that smoking causes cancer."})
    EXPECT_EQ(effect_of(read_claim(text)).outcomes(), kLess | kNone) << text;
}

// What cannot be excluded is neither asserted nor denied.
TEST(Frames, WhatCannotBeExcludedStaysOpen) {
  for (const char* text :
       {"We cannot rule out pneumonia.", "Pneumonia cannot be excluded.",
        "The imaging does not allow us to exclude pneumonia.", "The findings do not exclude pneumonia.",
        "We were unable to rule out pneumonia."}) {
    const Claim claim = read_claim(text);
    EXPECT_FALSE(claim.negated()) << text;
    EXPECT_TRUE(std::all_of(claim.words.begin(), claim.words.end(), [](const Word& word) {
      return word.hypothetical || word.weight < .5F;
    })) << text;
  }
}

// A denial ends where the next statement begins.
TEST(Frames, DenialsEndWithTheirStatement) {
  for (const char* text :
       {"There was no cough but the patient has fever.", "There was no cough and the patient has fever.",
        "Although there was no cough, the patient has fever.",
        "There was no cough; however, the patient has fever."}) {
    const Claim claim = read_claim(text);
    const std::string_view all = text;
    for (const Word& word : claim.words) {
      const std::string_view said = all.substr(word.span.begin, word.span.end - word.span.begin);
      if (said == "fever") EXPECT_FALSE(word.denied) << text;
      if (said == "cough") EXPECT_TRUE(word.denied) << text;
    }
  }
}

}  // namespace
}  // namespace medsynth::contradiction
