#include "medsynth/references/fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <system_error>
#include <utility>
#include <vector>

namespace medsynth::references {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct Column {
  std::string_view name;  // letters and digits in lower case
  Meaning meaning;
};
// Of PubMed, Embase, Scopus, Web of Science, Zotero, EndNote, Mendeley, Rayyan, Covidence, ASReview, Crossref
// and CSL.
constexpr std::array kColumns{Column{"title", Meaning::title},
                              Column{"ti", Meaning::title},
                              Column{"articletitle", Meaning::title},
                              Column{"primarytitle", Meaning::title},
                              Column{"documenttitle", Meaning::title},
                              Column{"t1", Meaning::title},
                              Column{"titles", Meaning::title},
                              Column{"publicationname", Meaning::journal},
                              Column{"studytitle", Meaning::title},
                              Column{"abstract", Meaning::abstract},
                              Column{"ab", Meaning::abstract},
                              Column{"abstractnote", Meaning::abstract},
                              Column{"abstracttext", Meaning::abstract},
                              Column{"n2", Meaning::abstract},
                              Column{"abstracts", Meaning::abstract},
                              Column{"summary", Meaning::abstract},
                              Column{"notesabstract", Meaning::abstract},
                              Column{"year", Meaning::year},
                              Column{"publicationyear", Meaning::year},
                              Column{"py", Meaning::year},
                              Column{"pubyear", Meaning::year},
                              Column{"yearpublished", Meaning::year},
                              Column{"yearofpublication", Meaning::year},
                              Column{"publishedyear", Meaning::year},
                              Column{"issued", Meaning::year},
                              Column{"publisheddate", Meaning::year},
                              Column{"publicationdate", Meaning::year},
                              Column{"date", Meaning::year},
                              Column{"dp", Meaning::year},
                              Column{"published", Meaning::year},
                              Column{"y1", Meaning::year},
                              Column{"journal", Meaning::journal},
                              Column{"sourcetitle", Meaning::journal},
                              Column{"publicationtitle", Meaning::journal},
                              Column{"journalbook", Meaning::journal},
                              Column{"source", Meaning::journal},
                              Column{"so", Meaning::journal},
                              Column{"jt", Meaning::journal},
                              Column{"journaltitle", Meaning::journal},
                              Column{"containertitle", Meaning::journal},
                              Column{"secondarytitle", Meaning::journal},
                              Column{"t2", Meaning::journal},
                              Column{"journalname", Meaning::journal},
                              Column{"venue", Meaning::journal},
                              Column{"authors", Meaning::authors},
                              Column{"author", Meaning::authors},
                              Column{"authornames", Meaning::authors},
                              Column{"au", Meaning::authors},
                              Column{"firstauthors", Meaning::authors},
                              Column{"creators", Meaning::authors},
                              Column{"authorfullnames", Meaning::authors},
                              Column{"af", Meaning::authors},
                              Column{"authorslist", Meaning::authors},
                              Column{"authorstring", Meaning::authors},
                              Column{"doi", Meaning::doi},
                              Column{"di", Meaning::doi},
                              Column{"digitalobjectidentifier", Meaning::doi},
                              Column{"doiurl", Meaning::doi},
                              Column{"do", Meaning::doi},
                              Column{"articledoi", Meaning::doi},
                              Column{"pmid", Meaning::pmid},
                              Column{"pubmedid", Meaning::pmid},
                              Column{"medlinepmid", Meaning::pmid},
                              Column{"pm", Meaning::pmid},
                              Column{"pubmed", Meaning::pmid},
                              Column{"embaseaccessionidmedlinepmid", Meaning::pmid},
                              Column{"publicationtype", Meaning::publication_type},
                              Column{"publicationtypes", Meaning::publication_type},
                              Column{"documenttype", Meaning::publication_type},
                              Column{"itemtype", Meaning::publication_type},
                              Column{"typeofreference", Meaning::publication_type},
                              Column{"type", Meaning::publication_type},
                              Column{"dt", Meaning::publication_type},
                              Column{"pt", Meaning::publication_type},
                              Column{"referencetype", Meaning::publication_type},
                              Column{"language", Meaning::language},
                              Column{"la", Meaning::language},
                              Column{"languageoforiginaldocument", Meaning::language},
                              Column{"articlelanguage", Meaning::language},
                              Column{"languages", Meaning::language},
                              Column{"url", Meaning::url},
                              Column{"link", Meaning::url},
                              Column{"openurllink", Meaning::url},
                              Column{"urls", Meaning::url},
                              Column{"ur", Meaning::url},
                              Column{"id", Meaning::id},
                              Column{"key", Meaning::id},
                              Column{"eid", Meaning::id},
                              Column{"accessionnumber", Meaning::id},
                              Column{"ut", Meaning::id},
                              Column{"utuniquewosid", Meaning::id},
                              Column{"recordid", Meaning::id},
                              Column{"citationkey", Meaning::id},
                              Column{"pui", Meaning::id},
                              Column{"articleid", Meaning::id},
                              Column{"paperid", Meaning::id},
                              Column{"refid", Meaning::id},
                              Column{"covidence", Meaning::id},
                              Column{"extra", Meaning::note},
                              Column{"notes", Meaning::note},
                              Column{"note", Meaning::note}};

void set_first(std::string& to, std::string value) {
  if (to.empty()) to = std::move(value);
}

void add(std::vector<std::string>& to, std::string value) {
  if (!value.empty() && std::find(to.begin(), to.end(), value) == to.end()) to.push_back(std::move(value));
}

// "Doe J", "van den Berg AB", "Roe RL Jr": a family name and initials without points.
bool ends_with_initials(std::string_view name) {
  for (const std::string_view suffix : {" Jr", " Sr", " 2nd", " 3rd"})
    if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  const std::size_t space = name.rfind(' ');
  if (space == name.npos || space == 0) return false;
  const std::string_view last = name.substr(space + 1);
  return !last.empty() && last.size() <= 4 &&
         std::all_of(last.begin(), last.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::vector<std::string> parts_of(std::string_view text, std::string_view mark) {
  std::vector<std::string> found;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find(mark, from), text.size());
    found.push_back(trimmed(text.substr(from, to - from)));
    from = to + mark.size();
  }
  return found;
}

// "A; B; C", "A and B", "['A, a', 'B, b']", "Doe J, Roe RL.": several authors in one value.
std::vector<std::string> authors_in(std::string_view text) {
  std::vector<std::string> found;
  if (text.starts_with("['") || text.starts_with("[\"")) {
    for (std::size_t from = 1; from + 1 < text.size();) {
      const char quote = text[from];
      const std::size_t to = text.find(quote, from + 1);
      if (to == text.npos) break;
      found.push_back(trimmed(text.substr(from + 1, to - from - 1)));
      from = text.find_first_of("'\"", to + 1);
      if (from == text.npos) break;
    }
    return found;
  }
  const bool semicolons = text.find(';') != text.npos;
  const std::string_view mark = semicolons ? ";" : text.find(" and ") != text.npos ? " and " : "";
  if (mark.empty()) {
    // PubMed's tables: initials without points, and commas between people; a group has no initials.
    std::vector<std::string> people =
        parts_of(text.substr(0, text.size() - (text.ends_with('.') ? 1 : 0)), ", ");
    if (people.size() > 1 && ends_with_initials(people[0])) return people;
    // "Liu R., Adler D.G.": initials with their points, so the commas part people and not names.
    const bool initials = text.find(".,") != text.npos;
    for (std::size_t from = 0; from <= text.size();) {
      const std::size_t to = initials ? std::min(text.find(".,", from), text.size()) : text.size();
      found.push_back(trimmed(text.substr(from, std::min(to + 1, text.size()) - from)));
      from = to + 2;
    }
    return found;
  }
  return parts_of(text, mark);
}

// "Doe, Jane (57200000001)": Scopus's number of a person is no part of the name.
std::string without_number(std::string name) {
  const std::size_t open = name.rfind(" (");
  if (open != name.npos && name.ends_with(')') && name.size() - open > 3 &&
      std::all_of(name.begin() + static_cast<std::ptrdiff_t>(open) + 2, name.end() - 1, is_digit))
    name.resize(open);
  return name;
}

// What programs write where there is no abstract.
bool says_no_abstract(std::string_view abstract) {
  constexpr std::array<std::string_view, 8> kNone{"noabstract",
                                                  "noabstractavailable",
                                                  "noabstractisavailable",
                                                  "noabstractprovided",
                                                  "abstractnotavailable",
                                                  "notavailable",
                                                  "na",
                                                  "nan"};
  const std::string plain = letters_and_digits(abstract.substr(0, 60));
  return std::find(kNone.begin(), kNone.end(), plain) != kNone.end();
}

// The text behind a mark ("PMID: 123"), up to white space; empty where the mark is not there.
std::string_view behind(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  if (at == text.npos) return {};
  text.remove_prefix(at + mark.size());
  while (!text.empty() && (is_space(text[0]) || text[0] == ':')) text.remove_prefix(1);
  return text.substr(0, text.find_first_of(" \t\r\n;,"));
}

}  // namespace

std::optional<std::int64_t> year_in(std::string_view text) {
  for (std::size_t at = 0; at + 4 <= text.size(); ++at) {
    if (!std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at),
                     text.begin() + static_cast<std::ptrdiff_t>(at) + 4, is_digit))
      continue;
    std::size_t end = at + 4;
    while (end < text.size() && is_digit(text[end])) ++end;
    // A year alone or the head of 20200520; other long numbers are pages or identifiers.
    if (end - at == 4 || (end - at == 8 && at == 0)) {
      std::int64_t year = 0;
      std::from_chars(text.data() + at, text.data() + at + 4, year);
      if (year >= 1500 && year <= 2100) return year;
    }
    at = end;
  }
  return std::nullopt;
}

std::string doi_in(std::string_view written) {
  std::string text = lower(written);
  for (std::size_t escape = text.find("%2f"); escape != text.npos; escape = text.find("%2f"))
    text.replace(escape, 3, "/");
  std::size_t at = text.find("10.");
  while (at != text.npos && !(at + 4 < text.size() && is_digit(text[at + 3]) &&
                              (at == 0 || !(is_digit(text[at - 1]) || text[at - 1] == '.'))))
    at = text.find("10.", at + 1);
  if (at == text.npos) return "";
  std::string_view doi = std::string_view(text).substr(at);
  doi = doi.substr(0, doi.find_first_of(" \t\r\n\"<>"));
  const std::size_t slash = doi.find('/');
  if (slash == doi.npos || slash + 1 >= doi.size()) return "";
  const auto prefix = doi.substr(3, slash - 3);
  if (!std::all_of(prefix.begin(), prefix.end(), [](char c) { return is_digit(c) || c == '.'; })) return "";
  while (!doi.empty() && (doi.back() == '.' || doi.back() == ',' || doi.back() == ';')) doi.remove_suffix(1);
  return std::string(doi);
}

std::string pmid_in(std::string_view text) {
  std::string plain = trimmed(text);
  if (lower(plain).starts_with("pmid")) plain = trimmed(std::string_view(plain).substr(4));
  if (plain.starts_with(':')) plain = trimmed(std::string_view(plain).substr(1));
  if (const std::size_t slash = plain.rfind('/'); slash != plain.npos && plain.find("pubmed") < slash)
    plain = plain.substr(slash + 1);
  if (plain.ends_with(".0")) plain.resize(plain.size() - 2);  // a table that took it for a number
  const bool digits =
      !plain.empty() && plain.size() <= 9 && std::all_of(plain.begin(), plain.end(), is_digit);
  return digits && plain.find_first_not_of('0') != plain.npos ? plain : "";
}

std::string letters_and_digits(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_letter(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80) out += c;
  }
  return lower(out);
}

std::optional<Meaning> meaning_of_column(std::string_view name) {
  const std::string plain = letters_and_digits(name);
  const auto* found =
      std::find_if(kColumns.begin(), kColumns.end(), [&](const Column& c) { return c.name == plain; });
  return found == kColumns.end() ? std::nullopt : std::optional(found->meaning);
}

void put(Reference& reference, Meaning meaning, std::string_view value) {
  constexpr std::string_view kHeading = "<jats:title>Abstract</jats:title>";  // Crossref
  if (meaning == Meaning::abstract && value.starts_with(kHeading)) value.remove_prefix(kHeading.size());
  std::string text = clean(value);
  if (text.empty()) return;
  switch (meaning) {
    case Meaning::title:
      return set_first(reference.title, std::move(text));
    case Meaning::abstract:
      if (says_no_abstract(text)) return;
      if (!reference.abstract.empty()) reference.abstract += ' ';
      reference.abstract += text;
      return;
    case Meaning::year:
      if (!reference.year) reference.year = year_in(text);
      return;
    case Meaning::journal:
      // Embase: "Journal (2014) 3:3 (152-160). Date of Publication: 2014".
      if (const std::size_t mark = text.find(" (");
          mark != text.npos && year_in(std::string_view(text).substr(mark, 7))) {
        if (!reference.year) reference.year = year_in(std::string_view(text).substr(mark, 7));
        text.resize(mark);
      }
      return set_first(reference.journal, std::move(text));
    case Meaning::author:
      return add(reference.authors, std::move(text));
    case Meaning::authors:
      for (std::string& each : authors_in(text)) add(reference.authors, without_number(std::move(each)));
      return;
    case Meaning::doi:
      return set_first(reference.doi, doi_in(text));
    case Meaning::pmid:
      return set_first(reference.pmid, pmid_in(text));
    case Meaning::publication_type:
      for (std::string& each : parts_of(text, ";")) {
        if (each.size() > 1)
          add(reference.publication_types, std::move(each));  // "J" of Web of Science says little
      }
      return;
    case Meaning::language:
      return set_first(reference.language, std::move(text));
    case Meaning::url:
      return set_first(reference.url, std::move(text));
    case Meaning::id:
      return set_first(reference.id, std::move(text));
    case Meaning::note:
      set_first(reference.pmid, pmid_in(behind(text, "PMID")));
      return set_first(reference.doi, doi_in(behind(text, "DOI")));
  }
}

void finish(Reference& reference) {
  if (reference.doi.empty() && reference.url.find("doi.org/") != std::string::npos)
    reference.doi = doi_in(reference.url);
  const std::string title = lower(reference.title);
  const auto begins = [&](std::string_view with) { return title.starts_with(with); };
  const auto has = [&](std::string_view word) { return title.find(word) != title.npos; };
  // A notice may have the title of the paper that it retracts.
  const bool notice = std::any_of(
      reference.publication_types.begin(), reference.publication_types.end(),
      [](const std::string& type) { return lower(type).find("retraction of") != std::string::npos; });
  // "Retracted publications in oncology" is about some.
  if (!notice && (begins("retracted:") || begins("retracted article:") || begins("retracted chapter:") ||
                  reference.title.starts_with("RETRACTED") || has("[retracted") || has("(retracted")))
    reference.retracted = true;
  for (const std::string& type : reference.publication_types) {
    const std::string plain = lower(type);
    if (plain.find("retracted") != plain.npos) reference.retracted = true;
  }
}

}  // namespace medsynth::references
