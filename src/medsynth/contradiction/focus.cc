#include "medsynth/contradiction/focus.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "medsynth/contradiction/topic.h"

namespace medsynth::contradiction {
namespace {

constexpr float kNamesSomething = .5F;

// The clauses of a claim that are told apart; those behind count as the last one.
constexpr std::size_t kMostClauses = 16;

struct Clause {
  double total = 0, met = 0;  // weight of its words, and of those that the other claim has
  bool kept = false;
  double share() const { return total > 0 ? met / total : 0; }
};
using Clauses = std::array<Clause, kMostClauses>;

std::size_t clause_at(const Claim& claim, std::size_t byte) {
  const auto at = std::upper_bound(claim.clause_ends.begin(), claim.clause_ends.end(), byte);
  return std::min({static_cast<std::size_t>(at - claim.clause_ends.begin()), claim.clause_ends.size() - 1,
                   kMostClauses - 1});
}

bool has(const Words& words, std::uint64_t concept_id) {
  const auto at = std::lower_bound(words.begin(), words.end(), concept_id,
                                   [](const Word& word, auto wanted) { return word.concept_id < wanted; });
  return at != words.end() && at->concept_id == concept_id;
}

Clauses clauses_of(const Claim& claim, const Claim& other) {
  Clauses clauses;
  const auto add = [&](const Word& word, std::size_t clause) {
    if (word.weight < kNamesSomething) return;
    clauses[clause].total += word.weight;
    if (has(other.words, word.concept_id) || has(other.words, rival_of(word.concept_id)))
      clauses[clause].met += word.weight;
  };
  for (const Word& word : claim.spoken) add(word, clause_at(claim, word.span.begin));
  // "... but reduced stroke", "whereas clopidogrel did not": agent or outcome were named before.
  for (const Effect& effect : claim.effects) {
    const std::size_t clause = clause_at(claim, effect.cue.begin);
    for (const Words* slot : {&effect.agent, &effect.outcome})
      for (const Word& word : *slot)
        if (clause_at(claim, word.span.begin) != clause) add(word, clause);
  }
  return clauses;
}

template <class T, class Begin>
void keep_only(std::vector<T>& of, const Clauses& clauses, const Claim& claim, Begin&& begin) {
  std::erase_if(of, [&](const T& each) { return !clauses[clause_at(claim, begin(each))].kept; });
}

}  // namespace

std::shared_ptr<const Claim> focus(const Claim& claim, const Claim& other) {
  if (claim.spoken.empty()) return nullptr;
  Clauses clauses = clauses_of(claim, other);
  double most = 0, best = 0;
  for (const Clause& clause : clauses)
    most = std::max(most, clause.met), best = std::max(best, clause.share());
  constexpr double kEnough = .5, kNearly = .75;
  if (most <= 0 || best < kEnough) return nullptr;
  bool all = true;
  for (Clause& clause : clauses) {
    clause.kept = clause.met >= kNearly * most || clause.share() >= kNearly * best;
    all &= clause.kept || clause.total == 0;
  }
  if (all) return nullptr;
  auto part = std::make_shared<Claim>(claim);
  const auto begin = [](const auto& each) { return each.span.begin; };
  part->words.clear();
  for (const Word& word : claim.spoken)
    if (clauses[clause_at(claim, word.span.begin)].kept) part->words.push_back(word);
  keep_only(part->effects, clauses, claim, [](const Effect& effect) { return effect.cue.begin; });
  keep_only(part->denials, clauses, claim, [](const Span& span) { return span.begin; });
  keep_only(part->measures, clauses, claim, begin);
  keep_only(part->numbers.estimates, clauses, claim, begin);
  keep_only(part->numbers.p_values, clauses, claim, begin);
  keep_only(part->numbers.quantities, clauses, claim, begin);
  for (const Effect& effect : part->effects)
    for (const Words* slot : {&effect.agent, &effect.outcome})
      part->words.insert(part->words.end(), slot->begin(), slot->end());
  arrange(part->words);
  return part;
}

}  // namespace medsynth::contradiction
