// Which findings of many are worth comparing: an index by what they speak of, two words at a time (exposure
// and outcome, whichever is which), so that the work grows with n log n. Nothing is dropped for being
// discussed much: of a question with more findings than are compared pair by pair, each is compared with
// those that say otherwise first, and the pairs left out are counted. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "medsynth/contradiction/findings/findings.h"

namespace medsynth::contradiction {

struct IndexedFinding {
  std::size_t article = 0;
  std::int64_t claim = -1;  // index in the article's claims; -1: of its abstract
  Finding finding;
};

inline constexpr std::size_t kMaxPartners = 150;  // of one finding, among those before it

class Candidates {
 public:
  explicit Candidates(const std::vector<IndexedFinding>& findings);
  // Indices below `index` of other articles, in order; those that exclude it come first when there are too
  // many. Adds to `left_out` how many more share as much.
  std::vector<std::size_t> partners(std::size_t index, std::int64_t& left_out);

 private:
  // Findings of one key, by what they allow: less or more only, none among it.
  struct Posting {
    std::vector<std::uint32_t> claims, denials;
    std::size_t size() const { return claims.size() + denials.size(); }
  };
  std::size_t own_of(const Posting& posting, std::size_t article) const;
  std::vector<std::uint64_t> keys_of(const Finding& finding) const;

  const std::vector<IndexedFinding>& findings_;
  std::unordered_map<std::uint64_t, Posting> postings_;
};

}  // namespace medsynth::contradiction
