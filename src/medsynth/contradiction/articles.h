// Which claims of many articles are worth comparing. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "medsynth/contradiction/claim.h"

namespace medsynth::contradiction {

// Bounds of one analysis: with them 5,000 articles take seconds on one core, and memory stays below 1 GiB.
inline constexpr std::size_t kMaxClaimsPerArticle = 20;
inline constexpr std::size_t kMaxPairs = 2'000'000;  // shared out evenly: each claim has its part of them
inline constexpr std::size_t kMaxPairsPerClaim = 100;
inline constexpr std::size_t kMaxMentions =
    1000;  // a word that more claims mention no longer finds pairs by itself

struct ArticleClaimText {
  std::size_t article = 0;  // index into the articles
  std::string text;
  Claim claim;
};

// One a claim, normalised.
using Embeddings = std::vector<std::vector<float>>;
inline constexpr std::size_t kMaxEmbedded = 3000;  // claims: a minute and a half of embedding on two cores
inline constexpr std::size_t kMostSimilar = 20;    // partners that the embeddings alone find for one claim
inline constexpr float kSimilar = .6F;             // cosine from which two claims may be about one thing

// For each claim, the earlier claims of other articles that share most with it. By words it grows with the
// words, not with the square of the number of claims; embeddings (may be empty) add those that are near.
class PairFinder {
 public:
  PairFinder(const std::vector<ArticleClaimText>& claims, const Embeddings& embeddings);
  // Indices below `index`, best first, ties by index; `cut` is set when there were more.
  std::vector<std::size_t> partners(std::size_t index, bool& cut);

 private:
  struct Mentions {
    std::vector<std::uint32_t> claims;
    bool too_many = false;
  };
  void add_similar(std::size_t index, std::vector<std::size_t>& partners) const;

  const std::vector<ArticleClaimText>& claims_;
  const Embeddings& embeddings_;
  std::size_t most_;                                       // partners of one claim
  std::vector<std::pair<std::uint64_t, Mentions>> index_;  // by concept
  std::vector<float> shared_;                              // per claim, zero between calls
};

}  // namespace medsynth::contradiction
