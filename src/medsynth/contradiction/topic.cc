#include "medsynth/contradiction/topic.h"

#include <algorithm>
#include <cmath>

namespace medsynth::contradiction {
namespace {

double weight_of(const Words& words) {
  double sum = 0;
  for (const Word& word : words) sum += word.weight;
  return sum;
}

Words merged(const Words& a, const Words& b) {
  Words all;
  all.reserve(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all),
             [](const Word& x, const Word& y) { return x.concept_id < y.concept_id; });
  all.erase(std::unique(all.begin(), all.end(),
                        [](const Word& x, const Word& y) { return x.concept_id == y.concept_id; }),
            all.end());
  return all;
}

// How much of `part` is found in `whole`.
double found_in(const Words& part, const Words& whole) {
  double shared = 0;
  auto at = whole.begin();
  for (const Word& word : part) {
    while (at != whole.end() && at->concept_id < word.concept_id) ++at;
    if (at != whole.end() && at->concept_id == word.concept_id) shared += word.weight;
  }
  const double total = weight_of(part);
  return total > 0 ? shared / total : 0;
}

double steep(double contained) {
  return contained * std::sqrt(contained);
}

// Both statements name agent and outcome.
Topic both_full(const Effect& a, const Effect& b) {
  const Overlap agents = overlap(a.agent, b.agent), outcomes = overlap(a.outcome, b.outcome);
  const double straight = std::min(agents.topic(), outcomes.topic());
  const Overlap left = overlap(a.agent, b.outcome), right = overlap(a.outcome, b.agent);
  // "X was reduced by Y" and "Y reduces X" cross; "X causes Y" and "Y causes X" do too, but say different
  // things.
  const double crossed = std::min(left.topic(), right.topic()) * (a.active && b.active ? .3 : 1);
  if (straight >= crossed) return {straight, agents.contained, outcomes.contained};
  return {crossed, left.contained, right.contained};
}

// At least one lacks a slot ("There was no reduction in mortality with aspirin" may, "Vaccines are dangerous"
// does).
Topic with_gaps(const Effect& a, const Effect& b) {
  const Words all_a = merged(a.agent, a.outcome), all_b = merged(b.agent, b.outcome);
  const bool full_a = says_something(a.agent) && says_something(a.outcome);
  const bool full_b = says_something(b.agent) && says_something(b.outcome);
  const Overlap all = overlap(all_a, all_b);
  if (!full_a && !full_b)
    return {steep(all.contained) * (.6 + .4 * all.jaccard), all.contained, all.contained};
  const Effect& full = full_a ? a : b;
  const Effect& other = full_a ? b : a;
  const Words other_all = merged(full_a ? all_b : all_a, other.setting);  // "no benefit in heart failure"
  const double agent = found_in(full.agent, other_all), outcome = found_in(full.outcome, other_all);
  // Only one slot can be compared when the other claim has but one: "Vaccines are dangerous" says it of
  // everything.
  if (says_something(other.agent) && !says_something(other.outcome)) {
    const Overlap agents = overlap(a.agent, b.agent);
    return {agents.topic() * (outcome > 0 ? 1 : .8), agents.contained, outcome};
  }
  const double contained =
      std::max(std::min(agent, outcome), found_in(other_all, merged(full.agent, full.outcome)) * .75);
  return {steep(contained) * (.85 + .15 * all.jaccard), agent, outcome};
}

// "A is superior to B" against "B is superior to A".
Topic turned(const Effect& a, const Effect& b) {
  if (!says_something(a.comparator) || !says_something(b.comparator)) return {};
  const Overlap one = overlap(a.agent, b.comparator), two = overlap(a.comparator, b.agent);
  double score = std::min(one.topic(), two.topic());
  const Overlap outcomes = overlap(a.outcome, b.outcome);
  if (says_something(a.outcome) && says_something(b.outcome)) score = std::min(score, outcomes.topic());
  return {score, one.contained, outcomes.contained, true};
}

}  // namespace

double Overlap::topic() const {
  return steep(contained) * (.85 + .15 * jaccard);
}

Overlap overlap(const Words& a, const Words& b) {
  double shared = 0;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (x->concept_id < y->concept_id)
      ++x;
    else if (y->concept_id < x->concept_id)
      ++y;
    else
      shared += std::min(x->weight, y->weight), ++x, ++y;
  }
  const double left = weight_of(a), right = weight_of(b);
  if (shared <= 0) return {};
  return {shared / std::min(left, right), shared / (left + right - shared)};
}

bool says_something(const Words& words) {
  return std::any_of(words.begin(), words.end(), [](const Word& word) { return word.weight >= .5F; });
}

Topic topic_of(const Effect& a, const Effect& b) {
  const bool full = says_something(a.agent) && says_something(a.outcome) && says_something(b.agent) &&
                    says_something(b.outcome);
  const Topic topic = full ? both_full(a, b) : with_gaps(a, b);
  const Topic other = turned(a, b);
  return other.score > topic.score ? other : topic;
}

}  // namespace medsynth::contradiction
