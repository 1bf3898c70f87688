#include "medsynth/contradiction/articles.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <unordered_map>

namespace medsynth::contradiction {
namespace {

constexpr float kHeavy = .5F;          // lighter words ("risk") find nothing
constexpr float kSharedEnough = 1.5F;  // about two words: agent and outcome

}  // namespace

PairFinder::PairFinder(const std::vector<ArticleClaimText>& claims, const Embeddings& embeddings)
    : claims_(claims),
      embeddings_(embeddings),
      most_(
          std::clamp<std::size_t>(kMaxPairs / std::max<std::size_t>(claims.size(), 1), 1, kMaxPairsPerClaim)),
      shared_(claims.size()) {
  std::unordered_map<std::uint64_t, Mentions> mentions;
  for (std::size_t i = 0; i < claims.size(); ++i)
    for (const Word& word : claims[i].claim.words)
      if (word.weight >= kHeavy) mentions[word.concept_id].claims.push_back(static_cast<std::uint32_t>(i));
  index_.assign(std::make_move_iterator(mentions.begin()), std::make_move_iterator(mentions.end()));
  std::sort(index_.begin(), index_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [concept_id, each] : index_) each.too_many = each.claims.size() > kMaxMentions;
}

std::vector<std::size_t> PairFinder::partners(std::size_t index, bool& cut) {
  std::vector<std::size_t> touched;
  float heavy = 0, common = 0;
  for (const Word& word : claims_[index].claim.words) {
    if (word.weight < kHeavy) continue;
    heavy += word.weight;
    const auto found =
        std::lower_bound(index_.begin(), index_.end(), word.concept_id,
                         [](const auto& entry, std::uint64_t wanted) { return entry.first < wanted; });
    if (found->second.too_many) {
      // What everybody mentions finds nobody, but whoever shares the rest very likely shares it too.
      common += word.weight;
      continue;
    }
    for (const std::uint32_t other : found->second.claims) {
      if (other >= index) break;
      if (claims_[other].article == claims_[index].article) continue;
      if (shared_[other] == 0) touched.push_back(other);
      shared_[other] += word.weight;
    }
  }
  const float enough = std::min({kSharedEnough, heavy, std::max(kSharedEnough - common, .5F)});
  std::vector<std::size_t> partners;
  for (std::size_t other : touched)
    if (shared_[other] >= enough) partners.push_back(other);
  std::sort(partners.begin(), partners.end(), [&](std::size_t a, std::size_t b) {
    return shared_[a] != shared_[b] ? shared_[a] > shared_[b] : a < b;
  });
  for (std::size_t other : touched) shared_[other] = 0;
  cut |= common > 0;
  if (partners.size() > most_) partners.resize(most_), cut = true;
  if (!embeddings_.empty()) add_similar(index, partners);
  return partners;
}

void PairFinder::add_similar(std::size_t index, std::vector<std::size_t>& partners) const {
  std::vector<std::pair<float, std::size_t>> near;
  const std::vector<float>& own = embeddings_[index];
  for (std::size_t other = 0; other < index; ++other) {
    if (claims_[other].article == claims_[index].article) continue;
    const float cosine = std::inner_product(own.begin(), own.end(), embeddings_[other].begin(), 0.F);
    if (cosine >= kSimilar) near.emplace_back(-cosine, other);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kMostSimilar) near.resize(kMostSimilar);
  const std::vector<std::size_t> by_words = partners;
  for (const auto& [cosine, other] : near)
    if (std::find(by_words.begin(), by_words.end(), other) == by_words.end()) partners.push_back(other);
}

}  // namespace medsynth::contradiction
