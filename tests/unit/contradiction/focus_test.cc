// What of a claim another claim is about.
#include "medsynth/contradiction/focus.h"

#include <gtest/gtest.h>

namespace medsynth::contradiction {
namespace {

bool has_denial(const Claim& claim) {
  return claim.negated();
}

// Denials and words of the half that the other claim does not speak of are left out.
TEST(Focus, KeepsTheHalfThatIsMeant) {
  const Claim whole = read_claim("There was no chest pain but the patient has fever.");
  const Claim fever = read_claim("The patient has fever."), pain = read_claim("The patient has chest pain.");
  ASSERT_TRUE(has_denial(whole));
  const auto second = focus(whole, fever);
  ASSERT_TRUE(second);
  EXPECT_FALSE(has_denial(*second));
  const auto first = focus(whole, pain);
  ASSERT_TRUE(first);
  EXPECT_TRUE(has_denial(*first));
}

// A claim of one clause, and one that is meant as a whole, stay whole.
TEST(Focus, LeavesWholeClaims) {
  const Claim one = read_claim("The patient has fever."), two = read_claim("There was no fever but a cough.");
  EXPECT_FALSE(focus(one, two));
  EXPECT_FALSE(focus(two, two));
}

// The agent of a clause may stand in an earlier one.
TEST(Focus, ClausesKeepTheirAgent) {
  const Claim whole = read_claim("Aspirin did not reduce mortality but reduced pain.");
  const auto part = focus(whole, read_claim("Aspirin reduced pain."));
  ASSERT_TRUE(part);
  ASSERT_EQ(part->effects.size(), 1U);
  EXPECT_FALSE(part->effects[0].negated);
  EXPECT_FALSE(part->effects[0].agent.empty());
}

}  // namespace
}  // namespace medsynth::contradiction
