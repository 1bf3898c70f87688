// Candidate claims of an article.
#include <algorithm>
#include <array>
#include <cctype>

#include "medsynth/contradiction/articles.h"
#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/topic.h"

namespace medsynth::contradiction {
namespace {

enum class Section { none, context, result };

struct Label {
  Section section = Section::none;
  std::size_t size = 0;  // bytes of the label and its colon
};

constexpr std::array<std::string_view, 12> kResults{
    "results",        "result",        "findings", "main results", "conclusion",           "conclusions",
    "interpretation", "main outcomes", "outcomes", "key findings", "authors' conclusions", "discussion"};
constexpr std::array<std::string_view, 21> kContext{"background",
                                                    "introduction",
                                                    "objective",
                                                    "objectives",
                                                    "aim",
                                                    "aims",
                                                    "purpose",
                                                    "methods",
                                                    "method",
                                                    "design",
                                                    "setting",
                                                    "patients",
                                                    "participants",
                                                    "context",
                                                    "importance",
                                                    "materials and methods",
                                                    "interventions",
                                                    "measurements",
                                                    "methodology",
                                                    "funding",
                                                    "trial registration"};

// "RESULTS: ...", "Conclusion - ..." at the start of a sentence, or the label alone on its line.
Label label_of(std::string_view sentence) {
  const std::size_t end = sentence.find_first_of(":\n");
  if (end == std::string_view::npos || end > 40) return {};
  std::string name;
  for (char letter : sentence.substr(0, end))
    name.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(letter))));
  while (!name.empty() && name.back() == ' ') name.pop_back();
  const auto any = [&](const auto& names) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view each) {
      return name == each || name.starts_with(std::string(each) + " and ") ||
             name.starts_with(std::string(each) + "/");
    });
  };
  if (any(kResults)) return {Section::result, end + 1};
  return any(kContext) ? Label{Section::context, end + 1} : Label{};
}

// A statement about an effect on something, not an aim.
bool is_finding(std::string_view sentence) {
  const Claim claim = read_claim(sentence);
  const auto heavy = std::count_if(claim.words.begin(), claim.words.end(),
                                   [](const Word& word) { return word.weight >= .5F; });
  return heavy >= 2 && std::any_of(claim.effects.begin(), claim.effects.end(), [](const Effect& each) {
           return !each.unknown && (says_something(each.agent) || says_something(each.outcome));
         });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<std::string> claims_of(const jobs::Article& article) {
  std::vector<std::string> claims;
  if (article.claims) {
    for (const std::string& claim : *article.claims)
      if (!trimmed(claim).empty()) claims.emplace_back(trimmed(claim));
    if (!claims.empty()) return claims;
  }
  if (!article.abstract) return claims;
  const std::string_view abstract = *article.abstract;
  struct Sentence {
    std::string_view text;
    Section section;
  };
  std::vector<Sentence> found;
  Section section = Section::none;
  for (const Span& span : sentences(abstract)) {
    std::string_view text = abstract.substr(span.begin, span.end - span.begin);
    const Label label = label_of(text);
    if (label.section != Section::none) {
      section = label.section;
      text = trimmed(text.substr(label.size));
    }
    if (!text.empty()) found.push_back({text, section});
  }
  const bool structured = std::any_of(found.begin(), found.end(),
                                      [](const Sentence& each) { return each.section == Section::result; });
  for (const Sentence& sentence : found)
    if ((!structured || sentence.section == Section::result) && is_finding(sentence.text))
      claims.emplace_back(sentence.text);
  return claims;
}

}  // namespace medsynth::contradiction
