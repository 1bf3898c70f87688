// Two claims, separated by the first line break: the answer is the same in both orders, its scores are
// probabilities, and an article made of them is read.
#include <algorithm>

#include "medsynth/contradiction/contradiction.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medsynth;
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t middle = std::min(text.find('\n'), text.size());
  jobs::DetectContradiction pair;
  pair.claim1 = text.substr(0, middle);
  pair.claim2 = text.substr(std::min(middle + 1, text.size()));
  const auto one = contradiction::detect(pair, {}, {});
  std::swap(pair.claim1, pair.claim2);
  const auto other = contradiction::detect(pair, {}, {});
  fuzz::require(one && other, "without a model every pair is judged");
  fuzz::require(one->contradiction_score == other->contradiction_score && one->verdict == other->verdict,
                "the order of the claims does not matter");
  fuzz::require(one->contradiction_score >= 0 && one->contradiction_score <= 1, "a score is a probability");
  jobs::Article article;
  article.abstract = text;
  (void)contradiction::claims_of(article);
  return 0;
}
