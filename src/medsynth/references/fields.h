// What a value of a record means, whatever its format calls it, and how it is cleaned. Internal to this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "medsynth/references/references.h"

namespace medsynth::references {

enum class Meaning {
  title,
  abstract,
  year,
  journal,
  author,
  authors,
  doi,
  pmid,
  publication_type,
  language,
  url,
  id,
  note
};

// Puts a value where it belongs. The first title, year, journal, ... that says something stays; abstracts of
// several values follow each other; authors and publication types are added.
void put(Reference& reference, Meaning meaning, std::string_view value);

// What a column of a table or a member of JSON is called by the programs that people use: "Abstract Note",
// "AB", "publicationTitle". Case, spaces and punctuation do not count.
std::optional<Meaning> meaning_of_column(std::string_view name);

// The last look at a record: retraction by its title or types, and a PMID or DOI that stood elsewhere.
void finish(Reference& reference);

// Text without inline tags (<i>, <sub>, <jats:p>, ...), with entities (&amp;, &#946;) as their characters,
// and white space as single spaces. "p < 0.05" stays.
std::string clean(std::string_view text);
std::string trimmed(std::string_view text);

// The first number that can be a year (1500-2100).
std::optional<std::int64_t> year_in(std::string_view text);
// The DOI in "https://doi.org/10.1000/X", "doi:10.1000/x [doi]", ...: lower case; empty where there is none.
std::string doi_in(std::string_view text);
// Digits of a PMID that is all of `text` (also "PMID: 123", or its address at PubMed); empty otherwise.
std::string pmid_in(std::string_view text);

// Letters and digits in lower case; what is not ASCII stays as it is.
std::string letters_and_digits(std::string_view text);
std::string lower(std::string_view ascii);
void append_utf8(std::string& out, std::uint32_t code_point);

}  // namespace medsynth::references
