// JSON: a list of records, alone or in an object ("articles", "records", "items", "data"), or one record a
// line. The members are those of CSL-JSON, Zotero, Crossref, Europe PMC, OpenAlex, Semantic Scholar, and ours;
// others by the names that columns have.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/json.h"
#include "medsynth/references/fields.h"
#include "medsynth/references/formats.h"

namespace medsynth::references {
namespace {

std::string text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_number() || value.is_bool()) return json::write(value);
  return "";
}

// {"family": "Doe", "given": "Jane"} (CSL), {"lastName": ..., "firstName": ...} (Zotero), {"name": ...}, or a
// text.
std::string author_of(const json::value& value) {
  const json::object* person = value.if_object();
  if (!person) return text_of(value);
  const auto member = [&](std::string_view name) {
    const json::value* found = person->if_contains(name);
    return found ? text_of(*found) : std::string();
  };
  for (const auto& [family, given] :
       {std::pair("family", "given"), std::pair("lastName", "firstName"), std::pair("last", "first")}) {
    const std::string last = member(family), first = member(given);
    const std::string particle = member("non-dropping-particle");
    const std::string whole = particle.empty() ? last : particle + " " + last;
    if (!last.empty()) return first.empty() ? whole : whole + ", " + first;
  }
  const std::string literal = member("literal");
  return literal.empty() ? member("name") : literal;
}

// Zotero lists editors and translators beside the authors.
bool is_author(const json::value& value) {
  const json::object* person = value.if_object();
  const json::value* type = person ? person->if_contains("creatorType") : nullptr;
  return !type || text_of(*type) == "author";
}

void put_value(Reference& reference, Meaning meaning, const json::value& value) {
  if (meaning == Meaning::authors && value.is_array()) {
    for (const json::value& each : value.get_array()) {
      if (is_author(each)) put(reference, Meaning::author, author_of(each));
    }
  } else if (const json::array* list = value.if_array()) {
    for (const json::value& each : *list) put_value(reference, meaning, each);
  } else if (const json::object* object = value.if_object()) {
    // {"date-parts": [[2020, 5]]}, {"raw": "2020-05"} (CSL)
    for (const std::string_view name : {"raw", "literal"}) {
      const json::value* written = object->if_contains(name);
      if (written && meaning == Meaning::year) put(reference, Meaning::year, text_of(*written));
    }
    if (const json::value* parts = object->if_contains("date-parts"); parts && meaning == Meaning::year) {
      const json::array* dates = parts->if_array();
      const json::array* date = dates && !dates->empty() ? (*dates)[0].if_array() : nullptr;
      if (date && !date->empty()) put(reference, Meaning::year, text_of((*date)[0]));
    }
    // {"raw": "2020-05-20"}, {"literal": "May 2020"}
    for (const std::string_view name : {"raw", "literal"})
      if (const json::value* text = object->if_contains(name); text && meaning == Meaning::year)
        put(reference, Meaning::year, text_of(*text));
  } else {
    put(reference, meaning, text_of(value));
  }
}

// What stands deeper in the records of one service.
struct Deeper {
  std::string_view path;  // members, and through lists
  Meaning meaning;
};
constexpr std::array kDeeper{Deeper{"externalIds.DOI", Meaning::doi},  // Semantic Scholar
                             Deeper{"externalIds.PubMed", Meaning::pmid},
                             Deeper{"journal.name", Meaning::journal},
                             Deeper{"journalInfo.journal.title", Meaning::journal},  // Europe PMC
                             Deeper{"pubTypeList.pubType", Meaning::publication_type},
                             Deeper{"ids.pmid", Meaning::pmid},  // OpenAlex
                             Deeper{"authorships.author.display_name", Meaning::author},
                             Deeper{"primary_location.source.display_name", Meaning::journal}};

void put_deeper(Reference& reference, Meaning meaning, const json::value& value, std::string_view path) {
  if (const json::array* list = value.if_array()) {
    for (const json::value& each : *list) put_deeper(reference, meaning, each, path);
    return;
  }
  if (path.empty()) return put(reference, meaning, text_of(value));
  const std::size_t dot = std::min(path.find('.'), path.size());
  const json::object* object = value.if_object();
  const json::value* member = object ? object->if_contains(path.substr(0, dot)) : nullptr;
  if (member) put_deeper(reference, meaning, *member, path.substr(std::min(dot + 1, path.size())));
}

// OpenAlex gives an abstract as where each of its words stands: {"We": [0, 4], "asked": [1]}.
std::string abstract_of_index(const json::value& index) {
  constexpr std::size_t kLongest = 1 << 20;  // bytes; a word may be said to stand at any number of places
  std::map<std::int64_t, std::string_view> placed;
  if (const json::object* words = index.if_object()) {
    for (const auto& [word, places] : *words) {
      if (const json::array* list = places.if_array()) {
        for (const json::value& place : *list)
          if (place.is_int64()) placed[place.get_int64()] = word;
      }
    }
  }
  std::string text;
  for (const auto& [place, word] : placed) {
    if (text.size() + word.size() > kLongest) break;
    text.append(text.empty() ? "" : " ").append(word);
  }
  return text;
}

bool is_named(const ReadOptions& options, std::string_view name, Meaning& meaning) {
  for (const auto& [key, column] : options.columns) {
    if (column != name) continue;
    if (const auto found = meaning_of_column(key)) return meaning = *found, true;
  }
  return false;
}

Reference reference_of(const json::object& record, const ReadOptions& options, std::int64_t line) {
  // Zotero's API puts the record into "data", Crossref's into "message".
  for (const std::string_view name : {"data", "message"}) {
    const json::value* inner = record.if_contains(name);
    if (inner && inner->is_object() && !record.contains("title"))
      return reference_of(inner->get_object(), options, line);
  }
  Reference reference;
  reference.line = line;
  // First: Europe PMC's "source" is a database, and its journal stands deeper.
  for (const Deeper& each : kDeeper) put_deeper(reference, each.meaning, record, each.path);
  for (const auto& [name, value] : record) {
    if (name == "source" && record.contains("issued")) continue;  // CSL: the catalogue it was found in
    Meaning meaning{};
    if (is_named(options, name, meaning))
      put_value(reference, meaning, value);
    else if (name == "retracted" || name == "is_retracted")
      reference.retracted = value.is_bool() && value.get_bool();
    else if (name == "abstract_inverted_index")
      put(reference, Meaning::abstract, abstract_of_index(value));
    else if (const auto known = meaning_of_column(name);
             known && !(*known == Meaning::abstract && !reference.abstract.empty()))
      put_value(reference, *known, value);
  }
  finish(reference);
  return reference;
}

void add(Part& part, const json::value& value, const ReadOptions& options, std::int64_t line,
         std::size_t number) {
  if (const json::object* record = value.if_object())
    part.references.push_back(reference_of(*record, options, line));
  else
    part.warnings.push_back(
        {line, fmt::format("record {} is no JSON object, and was passed over", number), ""});
}

Result<const json::array*> records_in(const json::value& document) {
  if (const json::array* list = document.if_array()) return list;
  if (const json::object* object = document.if_object()) {
    for (const std::string_view name :
         {"articles", "references", "records", "items", "results", "result", "data"}) {
      const json::value* inner = object->if_contains(name);
      if (inner && inner->is_array()) return &inner->get_array();
    }
    // What Crossref and Europe PMC answer to a search.
    for (const std::string_view name : {"message", "resultList"}) {
      const json::value* inner = object->if_contains(name);
      if (inner && inner->is_object()) return records_in(*inner);
    }
  }
  return invalid("",
                 "this JSON has no list of records: write [{\"title\": ..., \"abstract\": ...}, ...], or "
                 "such a list in a member "
                 "named articles, references, records or items");
}

Part read_lines(std::string_view text, const ReadOptions& options) {
  Part part;
  std::int64_t number = 0;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    const std::string line = trimmed(text.substr(from, to - from));
    ++number;
    from = to + 1;
    if (line.empty()) continue;
    const auto value = json::parse(line);
    if (value)
      add(part, *value, options, number, static_cast<std::size_t>(number));
    else
      part.warnings.push_back(
          {number, "this line is no JSON (" + value.error().message + "), and was passed over", ""});
  }
  return part;
}

}  // namespace

Result<Part> read_json(std::string_view text, Format format, const ReadOptions& options) {
  if (format == Format::json_lines) return read_lines(text, options);
  BOOST_OUTCOME_TRY(const auto document, json::parse(text));
  Part part;
  if (const json::object* one = document.if_object();
      one && (one->contains("title") || one->contains("abstract"))) {
    part.references.push_back(reference_of(*one, options, 0));
    return part;
  }
  BOOST_OUTCOME_TRY(const json::array* records, records_in(document));
  std::size_t number = 0;
  for (const json::value& each : *records) add(part, each, options, 0, ++number);
  return part;
}

}  // namespace medsynth::references
