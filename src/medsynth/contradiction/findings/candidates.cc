#include "medsynth/contradiction/findings/candidates.h"

#include <algorithm>

#include "medsynth/contradiction/findings/question.h"

namespace medsynth::contradiction {
namespace {

constexpr std::size_t kTermsPerFinding = 8;  // the rarest ones
constexpr float kLeastWorth = .12F;          // lighter words find nobody
constexpr float kRare = .6F;                 // worth that finds partners by itself

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9E3779B97F4A7C15U ^ (b + 0x7F4A7C15U + (a << 6U) + (a >> 2U));
  x ^= x >> 31U;
  return x * 0xBF58476D1CE4E5B9U;
}

bool denies(const Finding& finding) {
  return (finding.allowed & kNone) != 0;
}

}  // namespace

Candidates::Candidates(const std::vector<IndexedFinding>& findings) : findings_(findings) {}

std::vector<std::uint64_t> Candidates::keys_of(const Finding& finding) const {
  Terms terms = finding.words.empty() ? joined(finding.exposure, finding.outcome) : finding.words;
  std::erase_if(terms, [](const Term& term) { return term.worth < kLeastWorth; });
  std::sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) {
    return a.worth != b.worth ? a.worth > b.worth : a.concept_id < b.concept_id;
  });
  if (terms.size() > kTermsPerFinding) terms.resize(kTermsPerFinding);
  std::vector<std::uint64_t> keys;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    if (terms[i].worth >= kRare || terms.size() == 1) keys.push_back(terms[i].concept_id | 1U);
    for (std::size_t k = i + 1; k < terms.size(); ++k)
      keys.push_back(mix(std::min(terms[i].concept_id, terms[k].concept_id),
                         std::max(terms[i].concept_id, terms[k].concept_id)) &
                     ~std::uint64_t{1});
  }
  return keys;
}

// How many are of this article: they were added last.
std::size_t Candidates::own_of(const Posting& posting, std::size_t article) const {
  std::size_t own = 0;
  for (const auto* list : {&posting.claims, &posting.denials})
    for (std::size_t i = list->size(); i-- > 0 && findings_[(*list)[i]].article == article;) ++own;
  return own;
}

std::vector<std::size_t> Candidates::partners(std::size_t index, std::int64_t& left_out) {
  const IndexedFinding& own = findings_[index];
  const std::vector<std::uint64_t> keys = keys_of(own.finding);
  std::vector<const Posting*> found;
  for (const std::uint64_t key : keys)
    if (const auto posting = postings_.find(key); posting != postings_.end())
      found.push_back(&posting->second);
  // The most telling keys first.
  std::sort(found.begin(), found.end(),
            [](const Posting* a, const Posting* b) { return a->size() < b->size(); });
  std::vector<std::size_t> partners;
  std::size_t most = 0;
  const auto add = [&](const std::vector<std::uint32_t>& from, std::size_t limit) {
    for (std::size_t i = from.size(), taken = 0; i-- > 0 && taken < limit;)
      if (findings_[from[i]].article != own.article) partners.push_back(from[i]), ++taken;
  };
  for (const Posting* posting : found) {
    most = std::max(most, posting->size() - own_of(*posting, own.article));
    const auto& opposed = denies(own.finding) ? posting->claims : posting->denials;
    const auto& others = denies(own.finding) ? posting->denials : posting->claims;
    add(opposed, kMaxPartners / 3);
    add(others, kMaxPartners / 5);
  }
  std::sort(partners.begin(), partners.end());
  partners.erase(std::unique(partners.begin(), partners.end()), partners.end());
  if (most > partners.size()) left_out += static_cast<std::int64_t>(most - partners.size());
  for (const std::uint64_t key : keys) {
    Posting& posting = postings_[key];
    auto& list = denies(own.finding) ? posting.denials : posting.claims;
    list.push_back(static_cast<std::uint32_t>(index));
  }
  return partners;
}

}  // namespace medsynth::contradiction
