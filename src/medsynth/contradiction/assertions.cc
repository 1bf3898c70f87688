#include "medsynth/contradiction/assertions.h"

#include <algorithm>

#include "medsynth/contradiction/reader.h"

namespace medsynth::contradiction {
namespace {

constexpr float kFinding = .5F;         // a genus that a kind stands for ("diabetes") is none
constexpr float kNamesSomething = .4F;  // "patient", "level" and "risk" do not

const Word* find(const Words& words, std::uint64_t concept_id) {
  const auto at = std::lower_bound(words.begin(), words.end(), concept_id,
                                   [](const Word& word, auto wanted) { return word.concept_id < wanted; });
  return at != words.end() && at->concept_id == concept_id ? &*at : nullptr;
}

double weight_of(const Words& words) {
  double sum = 0;
  for (const Word& word : words)
    if (word.weight >= kNamesSomething) sum += word.weight;
  return sum;
}

bool comparable(const Word& a, const Word& b) {
  if (a.hypothetical || b.hypothetical || a.of_family != b.of_family) return false;
  return a.past == b.past || a.denied == b.denied || (a.past ? !b.denied : !a.denied);
}

// "No infection" excludes pneumonia, "no pneumonia" does not exclude an infection; two kinds of one genus say
// nothing of each other.
bool compares_kinds(const Word& a, const Word& b) {
  if (a.genus && b.genus) return false;
  return a.genus ? !a.denied : !b.genus || !b.denied;
}

// Did the word whose genus this is meet its like?
bool kind_is_met(const Words& words, const Words& other, const Word& genus) {
  return std::any_of(words.begin(), words.end(), [&](const Word& word) {
    return !word.genus && word.span == genus.span && find(other, word.concept_id);
  });
}

}  // namespace

Assertions compare_assertions(const Claim& claim1, const Claim& claim2) {
  const bool first_is_shorter = weight_of(claim1.words) <= weight_of(claim2.words);
  const Words& shorter = first_is_shorter ? claim1.words : claim2.words;
  const Words& longer = first_is_shorter ? claim2.words : claim1.words;
  Assertions out;
  double total = 0, met = 0, conflict = 0, rivals = 0, findings = 0, denied = 0;
  for (const Word& word : shorter) {
    if (word.weight < kNamesSomething) continue;
    total += word.weight;
    const Word* const same = find(longer, word.concept_id);
    const Word* const rival = same ? nullptr : find(longer, rival_of(word.concept_id));
    const Word* const other = same ? same : rival;
    if (!other || !comparable(word, *other)) continue;
    met += word.weight;
    if (rival && (word.group || rival->group))
      continue;  // two groups: what is said of one is not of the other
    if (same && !compares_kinds(word, *same)) continue;
    const bool excluded = same ? word.denied != same->denied : !word.denied && !rival->denied;
    if (word.sentiment != 0 && word.weight >= kFinding)
      findings += word.weight, denied += excluded ? word.weight : 0;
    if (!excluded) continue;
    // What excludes the genus of a word excludes the word, which met nothing itself.
    const double kind = word.genus && !kind_is_met(shorter, longer, word) ? word.weight / kParentWeight : 0;
    met += kind;
    (same ? conflict : rivals) += word.weight + kind;
    if (out.conflicts.size() < 16)
      out.conflicts.push_back(first_is_shorter ? Assertions::Met{word.span, other->span}
                                               : Assertions::Met{other->span, word.span});
  }
  // "The left kidney was not enlarged", "the right kidney was": each is another thing.
  if (conflict > 0 && rivals > 0) conflict = rivals = denied = 0, out.conflicts.clear();
  if (total > 0) out.coverage = met / total;
  if (findings > 0) out.finding = denied / findings;
  if (met > 0) out.conflict = conflict / met, out.rivals = rivals / met;
  return out;
}

}  // namespace medsynth::contradiction
