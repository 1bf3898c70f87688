#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "medsynth/references/fields.h"
#include "medsynth/references/references.h"

namespace medsynth::references {
namespace {

constexpr std::size_t kTellingTitle =
    16;  // letters and digits: "Editorial" and "Correction" are many publications' titles

// Publications of one title that are looked at: more are not of one paper but of one series, and would cost a
// square.
constexpr int kMaxSameTitles = 50;

void fill(std::string& to, const std::string& from) {
  if (to.empty()) to = from;
}

// What `kept` lacks; the longer of two abstracts (one may be cut off).
void merge(Reference& kept, const Reference& other) {
  fill(kept.title, other.title);
  if (other.abstract.size() > kept.abstract.size()) kept.abstract = other.abstract;
  if (!kept.year) kept.year = other.year;
  fill(kept.journal, other.journal);
  if (kept.authors.empty()) kept.authors = other.authors;
  fill(kept.doi, other.doi);
  fill(kept.pmid, other.pmid);
  if (kept.publication_types.empty()) kept.publication_types = other.publication_types;
  fill(kept.language, other.language);
  fill(kept.url, other.url);
  kept.retracted = kept.retracted || other.retracted;
}

bool differ(const std::string& a, const std::string& b) {
  return !a.empty() && !b.empty() && a != b;
}

// One year; or where one of them does not say, one first author or one abstract.
bool may_be_of_one_year(const Reference& a, const Reference& b) {
  if (a.year && b.year) return *a.year == *b.year;
  const bool authors = !a.authors.empty() && !b.authors.empty() && a.authors[0] == b.authors[0];
  return authors || (!a.abstract.empty() && a.abstract == b.abstract);
}

// The title without what a journal puts before it when it withdraws a paper, so that both are seen to be one.
std::string plain_title(const Reference& reference) {
  std::string_view title = reference.title;
  for (const std::string_view mark : {"RETRACTED: ", "Retracted: ", "RETRACTED ARTICLE: ",
                                      "Retracted Article: ", "[Retracted] ", "[RETRACTED] "})
    if (title.starts_with(mark)) title.remove_prefix(mark.size());
  return letters_and_digits(title);
}

class Joiner {
 public:
  Joined join(std::vector<Reference> references) {
    for (Reference& each : references) add(std::move(each));
    return std::move(joined_);
  }

 private:
  void add(Reference reference) {
    std::string why;
    const auto found = find(reference, why);
    const std::size_t at = found.value_or(joined_.references.size());
    if (found) {
      merge(joined_.references[at], reference);
      note(joined_.references[at], at);
      joined_.duplicates.push_back({at, std::move(reference), std::move(why)});
    } else {
      note(reference, at);
      joined_.references.push_back(std::move(reference));
    }
  }

  std::optional<std::size_t> find(const Reference& reference, std::string& why) const {
    if (const auto same = dois_.find(reference.doi); same != dois_.end() && !reference.doi.empty())
      return why = "doi", same->second;
    if (const auto same = pmids_.find(reference.pmid); same != pmids_.end() && !reference.pmid.empty())
      return why = "pmid", same->second;
    const std::string title = plain_title(reference);
    if (title.size() < kTellingTitle) return std::nullopt;
    const auto [first, last] = titles_.equal_range(title);
    int looked = 0;
    for (auto each = first; each != last && looked < kMaxSameTitles; ++each, ++looked) {
      const Reference& other = joined_.references[each->second];
      if (may_be_of_one_year(reference, other) && !differ(reference.doi, other.doi) &&
          !differ(reference.pmid, other.pmid))
        return why = "title and year", each->second;
    }
    return std::nullopt;
  }

  void note(const Reference& reference, std::size_t at) {
    if (!reference.doi.empty()) dois_.emplace(reference.doi, at);
    if (!reference.pmid.empty()) pmids_.emplace(reference.pmid, at);
    const std::string title = plain_title(reference);
    const auto [first, last] = titles_.equal_range(title);
    if (std::none_of(first, last, [&](const auto& each) { return each.second == at; }))
      titles_.emplace(title, at);
  }

  Joined joined_;
  std::map<std::string, std::size_t> dois_, pmids_;
  std::multimap<std::string, std::size_t> titles_;
};

}  // namespace

Joined join_duplicates(std::vector<Reference> references) {
  return Joiner().join(std::move(references));
}

}  // namespace medsynth::references
