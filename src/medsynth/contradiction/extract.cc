// Candidate claims of an article.
#include "medsynth/contradiction/articles.h"
#include "medsynth/contradiction/contradiction.h"

namespace medsynth::contradiction {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<std::string> claims_of(const jobs::Article& article) {
  std::vector<std::string> claims;
  if (article.claims)
    for (const std::string& claim : *article.claims)
      if (!trimmed(claim).empty()) claims.emplace_back(trimmed(claim));
  if (!claims.empty() || !article.abstract) return claims;
  const std::string_view abstract = *article.abstract;
  const std::vector<Sentence> sentences = read_sections(abstract);
  Abbreviations abbreviations;
  for (const Sentence& sentence : sentences) abbreviations.learn(tokens(abstract, sentence.span));
  for (const Sentence& sentence : sentences)
    if (!read_findings(abstract, sentence, abbreviations, {}).empty())
      claims.emplace_back(abstract.substr(sentence.span.begin, sentence.span.end - sentence.span.begin));
  return claims;
}

}  // namespace medsynth::contradiction
