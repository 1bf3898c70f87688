// What a reader expects of pairs of claims, group by group, without any model. Each test prints its accuracy
// per group: right is a contradiction that is called one, or no contradiction that is not.
#include <cstring>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "medsynth/contradiction/contradiction.h"

#include "behaviour/pairs_file.h"

namespace medsynth::contradiction {
namespace {

using behaviour::Pair;
using behaviour::read_pairs;

constexpr const char* kGroups = "tests/behaviour/groups.jsonl";
constexpr const char* kHeldOut = "tests/behaviour/held_out.jsonl";
constexpr const char* kStyles = "src/medsynth/contradiction/data/styles.jsonl";

jobs::ContradictionResult judge(const std::string& claim1, const std::string& claim2) {
  jobs::DetectContradiction pair;
  pair.claim1 = claim1;
  pair.claim2 = claim2;
  auto result = detect(pair, {}, {});
  EXPECT_TRUE(result);
  return *result;
}

struct Count {
  int right = 0, all = 0;
  double accuracy() const { return all > 0 ? static_cast<double>(right) / all : 0; }
};

struct Table {
  std::map<std::string, Count> groups;
  Count total;
};

Table measure(const char* file) {
  Table table;
  Count called, found;  // contradictions: of those that were called so, of those that are
  for (const Pair& pair : read_pairs(file)) {
    const bool said = judge(pair.claim1, pair.claim2).is_contradiction, right = said == pair.contradiction();
    for (Count* each : {&table.groups[pair.category], &table.total}) ++each->all, each->right += right;
    if (said) ++called.all, called.right += right;
    if (pair.contradiction()) ++found.all, found.right += right;
  }
  fmt::print("{}\n", file);
  for (const auto& [name, count] : table.groups)
    fmt::print("  {:32} {:3} of {:3}  {:5.1f} %\n", name, count.right, count.all, 100 * count.accuracy());
  fmt::print("  {:32} {:3} of {:3}  {:5.1f} %  precision {:.3f}  recall {:.3f}\n", "all", table.total.right,
             table.total.all, 100 * table.total.accuracy(), called.accuracy(), found.accuracy());
  return table;
}

// The suite is right on 95 of 100 pairs, and groups that are weak are the ones the README names.
TEST(Behaviour, Groups) {
  const Table table = measure(kGroups);
  EXPECT_GE(table.total.all, 400);
  EXPECT_GE(table.groups.size(), 20U);
  EXPECT_GE(table.total.accuracy(), .95);
  const std::set<std::string> named_in_readme{"double_negation", "family_and_history", "study_design",
                                              "time"};
  for (const auto& [name, count] : table.groups)
    if (named_in_readme.count(name) == 0) {
      EXPECT_GE(count.accuracy(), .9) << name;
    }
}

// Sentences as they meet in practice, which the weights were fitted to: worse than this is a step back.
TEST(Behaviour, Styles) {
  EXPECT_GE(measure(kStyles).total.accuracy(), .82);
}

// Pairs that no weight and no rule was made for.
TEST(Behaviour, HeldOut) {
  EXPECT_GE(measure(kHeldOut).total.accuracy(), .75);
}

// The explanation is that of the verdict: what excludes what, what allows both, or what is missing. It never
// says the opposite, and it gives a reason.
TEST(Behaviour, ExplanationsAreThoseOfTheVerdicts) {
  constexpr std::string_view kExclude = "The claims exclude each other: ",
                             kBoth = "The claims can both hold: ",
                             kOpen = "It stays open whether the claims contradict each other: ";
  for (const char* file : {kGroups, kStyles, kHeldOut})
    for (const Pair& pair : read_pairs(file)) {
      const auto result = judge(pair.claim1, pair.claim2);
      const std::string_view lead = result.verdict == jobs::Verdict::contradiction      ? kExclude
                                    : result.verdict == jobs::Verdict::no_contradiction ? kBoth
                                                                                        : kOpen;
      const std::string& text = result.explanation;
      EXPECT_TRUE(text.starts_with(lead) && text.size() > lead.size() + 10) << pair.id << ": " << text;
      for (std::string_view other : {kExclude, kBoth, kOpen})
        if (other != lead) EXPECT_EQ(text.find(other), text.npos) << pair.id << ": " << text;
      if (result.verdict != jobs::Verdict::contradiction) {
        EXPECT_EQ(text.find("opposite directions"), text.npos) << pair.id << ": " << text;
        EXPECT_EQ(text.find("cannot both be right"), text.npos) << pair.id << ": " << text;
      } else {
        EXPECT_EQ(text.find("not about the same"), text.npos) << pair.id << ": " << text;
        EXPECT_EQ(text.find("The numbers agree"), text.npos) << pair.id << ": " << text;
      }
    }
}

// In the other order everything stays, the score to its last bit; and nothing contradicts itself.
TEST(Behaviour, OrderDoesNotMatter) {
  for (const char* file : {kGroups, kStyles, kHeldOut})
    for (const Pair& pair : read_pairs(file)) {
      const auto one = judge(pair.claim1, pair.claim2), other = judge(pair.claim2, pair.claim1);
      EXPECT_EQ(std::memcmp(&one.contradiction_score, &other.contradiction_score, sizeof(double)), 0)
          << pair.id;
      EXPECT_EQ(one.verdict, other.verdict) << pair.id;
      EXPECT_EQ(one.confidence, other.confidence) << pair.id;
      EXPECT_EQ(one.contradiction_type, other.contradiction_type) << pair.id;
      EXPECT_FALSE(judge(pair.claim1, pair.claim1).is_contradiction) << pair.id;
    }
}

}  // namespace
}  // namespace medsynth::contradiction
