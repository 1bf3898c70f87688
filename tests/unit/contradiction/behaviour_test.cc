// What a reader expects of pairs of claims, group by group, without any language model.
#include <cstring>
#include <map>
#include <ostream>

#include <gtest/gtest.h>

#include "medsynth/contradiction/contradiction.h"

#include "unit/contradiction/pairs.h"

namespace medsynth::contradiction {

void PrintTo(const TestPair& pair, std::ostream* out) {
  *out << pair.group << ": " << pair.claim1 << " | " << pair.claim2;
}

namespace {

char letter(jobs::Verdict verdict) {
  return verdict == jobs::Verdict::contradiction ? 'C' : verdict == jobs::Verdict::uncertain ? 'U' : 'N';
}

jobs::ContradictionResult judge(std::string_view claim1, std::string_view claim2) {
  jobs::DetectContradiction pair;
  pair.claim1 = claim1;
  pair.claim2 = claim2;
  pair.use_all_methods = false;
  auto result = detect(pair, {}, {});
  EXPECT_TRUE(result);
  return *result;
}

class Behaviour : public testing::TestWithParam<TestPair> {};

// A pair gets a verdict that is allowed for it, and in the other order the same score to the last bit.
TEST_P(Behaviour, VerdictIsAllowedAndOrderDoesNotMatter) {
  const TestPair& pair = GetParam();
  const auto result = judge(pair.claim1, pair.claim2);
  EXPECT_NE(pair.allowed.find(letter(result.verdict)), std::string_view::npos)
      << letter(result.verdict) << " " << result.contradiction_score << " " << result.explanation;
  const auto turned = judge(pair.claim2, pair.claim1);
  EXPECT_EQ(std::memcmp(&result.contradiction_score, &turned.contradiction_score, sizeof(double)), 0);
  EXPECT_EQ(result.verdict, turned.verdict);
  EXPECT_EQ(result.confidence, turned.confidence);
  EXPECT_EQ(result.contradiction_type, turned.contradiction_type);
}

// Whatever is said, saying it twice is no contradiction.
TEST_P(Behaviour, AClaimDoesNotContradictItself) {
  const TestPair& pair = GetParam();
  const auto result = judge(pair.claim1, pair.claim1);
  EXPECT_FALSE(result.is_contradiction) << result.explanation;
}

std::string name(const testing::TestParamInfo<TestPair>& info) {
  return std::string(info.param.group) + "_" + std::to_string(info.index);
}
INSTANTIATE_TEST_SUITE_P(Pairs, Behaviour, testing::ValuesIn(kPairs), name);

// The suite is a suite: enough pairs in enough groups, and neither answer is right for most of them.
TEST(BehaviourSuite, IsLargeAndBalanced) {
  std::map<std::string_view, int> groups;
  int contradictions = 0, total = 0;
  for (const TestPair& pair : kPairs) {
    ++groups[pair.group];
    contradictions += pair.allowed == "C";
    ++total;
  }
  EXPECT_GE(total, 80);
  EXPECT_GE(groups.size(), 12U);
  EXPECT_GT(contradictions, total / 3);
  EXPECT_LT(contradictions, total * 2 / 3);
}

}  // namespace
}  // namespace medsynth::contradiction
