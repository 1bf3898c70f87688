#include "medsynth/references/articles.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/id.h"

namespace medsynth::references {
namespace {

// The most telling of its names that nobody has yet.
std::string name_of(const Reference& each, std::size_t index, std::set<std::string>& taken) {
  for (std::string name : {each.doi, each.pmid.empty() ? std::string() : "pmid:" + each.pmid, each.id})
    if (check_name("", name) && taken.insert(name).second) return name;
  std::string name = fmt::format("reference-{}", index + 1);
  while (!taken.insert(name).second) name += "-";
  return name;
}

template <class T>
std::optional<T> unless_empty(const T& value) {
  return value.empty() ? std::nullopt : std::optional(value);
}

// Whatever some reader takes for the end of a line becomes a space: control characters, U+0085, U+2028 and U+2029.
std::string in_one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  for (const std::string_view end : {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"})
    for (std::size_t at = text.find(end); at != text.npos; at = text.find(end, at))
      text.replace(at, end.size(), " ");
  return text;
}

class RisWriter {
 public:
  std::string of(const Reference& reference) {
    add("TY", "JOUR", true);
    add("TI", reference.title);
    for (const std::string& author : reference.authors) add("AU", author);
    if (reference.year) add("PY", std::to_string(*reference.year));
    add("JF", reference.journal);
    add("AB", reference.abstract);
    add("DO", reference.doi);
    // Zotero and EndNote have no tag for it: they keep the accession number and the name of its database.
    if (!reference.pmid.empty()) add("AN", reference.pmid), add("DB", "PubMed");
    add("LA", reference.language);
    add("UR", reference.url);
    bool says_retracted = false;
    for (const std::string& type : reference.publication_types) {
      if (type == "JOUR") continue;
      add("M3", type);
      says_retracted = says_retracted || type == kRetracted;
    }
    if (reference.retracted && !says_retracted) add("M3", kRetracted);
    add("ER", "", true);
    return std::exchange(out_, {});
  }

 private:
  static constexpr const char* kRetracted = "Retracted Publication";  // as PubMed says it
  void add(std::string_view tag, const std::string& value, bool always = false) {
    if (always || !value.empty()) out_ += fmt::format("{}  - {}\r\n", tag, in_one_line(value));
  }
  std::string out_;
};

}  // namespace

std::vector<Article> articles_of(const std::vector<Reference>& references) {
  std::vector<Article> articles;
  std::set<std::string> taken;
  for (const Reference& each : references)
    articles.push_back({.id = name_of(each, articles.size(), taken),
                        .title = each.title,
                        .abstract = each.abstract,
                        .pmid = unless_empty(each.pmid),
                        .doi = unless_empty(each.doi),
                        .year = each.year,
                        .journal = unless_empty(each.journal),
                        .authors = unless_empty(each.authors),
                        .publication_types = unless_empty(each.publication_types),
                        .language = unless_empty(each.language),
                        .retracted = each.retracted ? std::optional(true) : std::nullopt});
  return articles;
}

std::string write_ris(const std::vector<Reference>& references) {
  std::string out;
  RisWriter writer;
  for (const Reference& each : references) out += writer.of(each);
  return out;
}

}  // namespace medsynth::references
