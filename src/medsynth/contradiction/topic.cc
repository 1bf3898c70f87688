#include "medsynth/contradiction/topic.h"

#include <algorithm>
#include <cmath>
#include <iterator>

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

// What of `word` is met by `other`. A whole is not met by what is a kind of it: what holds for one kind need
// not hold for the others.
double part_of(const Word& word, const Word& other, bool findings = false) {
  if (findings && word.denied && !other.denied) return word.weight;
  return other.genus && !word.genus ? std::min(word.weight, other.weight) : word.weight;
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

// "A is superior to B" against "B is superior to A", "higher in A than in B" against "lower in B than in A",
// "A better than B" against "B was good".
Topic turned(const Effect& a, const Effect& b) {
  const auto named = [](const Words& words, const Words& among) { return found_in(words, among) > .6; };
  constexpr double kOneComparator = .8;
  if (a.comparator.empty() != b.comparator.empty()) {
    const Effect& comparing = a.comparator.empty() ? b : a;
    const Effect& other = a.comparator.empty() ? a : b;
    if (!says_something(comparing.comparator) || !says_something(other.agent)) return {};
    if (!named(comparing.comparator, other.agent) || overlap(comparing.agent, other.agent).contained > 0)
      return {};
    const Overlap outcomes = overlap(a.outcome, b.outcome);
    return {outcomes.topic() * kOneComparator, 1, outcomes.contained, true};
  }
  if (a.comparator.empty()) return {};
  const Words arm_a = merged(merged(a.agent, a.setting), a.outcome),
              arm_b = merged(merged(b.agent, b.setting), b.outcome);
  if (named(a.comparator, b.comparator) || named(b.comparator, a.comparator)) return {};
  if (!named(a.comparator, arm_b) || !named(b.comparator, arm_a)) return {};
  const Overlap all = overlap(merged(arm_a, a.comparator), merged(arm_b, b.comparator));
  return {all.topic(), 1, overlap(a.outcome, b.outcome).contained, true};
}

}  // namespace

double Overlap::topic() const {
  return steep(contained) * (.85 + .15 * jaccard);
}

Overlap overlap(const Words& a, const Words& b, bool findings) {
  double shared = 0, of_a = 0, of_b = 0;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (x->concept_id < y->concept_id)
      ++x;
    else if (y->concept_id < x->concept_id)
      ++y;
    else
      shared += std::min(x->weight, y->weight), of_a += part_of(*x, *y, findings),
          of_b += part_of(*y, *x, findings), ++x, ++y;
  }
  const double left = weight_of(a), right = weight_of(b);
  if (shared <= 0) return {};
  return {std::max(of_a / left, of_b / right), shared / (left + right - shared)};
}

double found_in(const Words& part, const Words& whole) {
  double shared = 0;
  auto at = whole.begin();
  for (const Word& word : part) {
    while (at != whole.end() && at->concept_id < word.concept_id) ++at;
    if (at != whole.end() && at->concept_id == word.concept_id) shared += part_of(word, *at);
  }
  const double total = weight_of(part);
  return total > 0 ? shared / total : 0;
}

bool says_something(const Words& words) {
  return std::any_of(words.begin(), words.end(), [](const Word& word) { return word.weight >= .5F; });
}

Topic topic_of(const Effect& a, const Effect& b) {
  const bool full = says_something(a.agent) && says_something(a.outcome) && says_something(b.agent) &&
                    says_something(b.outcome);
  const Topic topic = full ? both_full(a, b) : with_gaps(a, b);
  const Topic other = turned(a, b);
  constexpr double kNearly = .8;  // the arms have changed places: that says more than the words in common
  return other.score > kNearly * topic.score ? other : topic;
}

}  // namespace medsynth::contradiction
