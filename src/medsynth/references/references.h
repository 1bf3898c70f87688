// What people export from PubMed, Zotero, EndNote, Embase, Scopus and their like: bytes in, references and
// warnings out. Pure: it opens no file and fetches nothing. Thread safe (no state).
//
//   Result<ReadReferences> read = references::read(bytes);       // the format is found from the content
//   for (const Reference& each : read->references) use(each.title, each.abstract);
//   for (const Warning& each : read->warnings) say(each.line, each.detail);
//
// Formats: RIS (with the dialects of Zotero, EndNote, Scopus, Embase, Ovid, ProQuest, Web of Science),
// MEDLINE
// (.nbib), PubMed XML, JATS, EndNote XML and tagged (.enw), Web of Science (.ciw), BibTeX, CSV and TSV (also
// with ; or |), JSON and JSON lines (CSL, Zotero, ours, and the answers of Crossref, Europe PMC, OpenAlex and
// Semantic Scholar), each also in gzip or zip. UTF-8 with or without a byte order mark, UTF-16 with one; a
// line that is none of these is Windows-1252 (Latin-1); any line ends.
//
// A record that cannot be read is a warning with its line, and the rest goes on; nothing is dropped without a
// word. Texts come without markup: inline tags and character entities of XML and HTML, and LaTeX's accents,
// are read as what they stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/error.h"

namespace medsynth::references {

BOOST_DEFINE_ENUM_CLASS(Format, ris, medline, pubmed_xml, jats, endnote_xml, endnote_tagged, web_of_science,
                        bibtex, csv, json, json_lines)

// One bibliographic record. Empty where the file does not say.
struct Reference {
  std::string id;  // the file's own: accession number, citation key, ...
  std::string title;
  std::string abstract;  // sections with their labels ("METHODS: ..."), one after the other
  std::optional<std::int64_t> year;
  std::string journal;
  std::vector<std::string> authors;  // "Family, Given"
  std::string doi;                   // lower case, without "https://doi.org/"
  std::string pmid;                  // digits
  std::vector<std::string> publication_types;
  std::string language;
  std::string url;
  bool retracted = false;  // the publication itself; a notice of retraction is none
  std::int64_t line = 0;   // where its record begins, from 1; 0 where the format has no lines
  std::string file;        // its name in an archive
};
BOOST_DESCRIBE_STRUCT(Reference, (),
                      (id, title, abstract, year, journal, authors, doi, pmid, publication_types, language,
                       url, retracted, line, file))

// What could not be read, or was read with a doubt.
struct Warning {
  std::int64_t line = 0;  // from 1; 0: of the whole file
  std::string detail;     // what, and what was done
  std::string file;       // its name in an archive
};
BOOST_DESCRIBE_STRUCT(Warning, (), (line, detail, file))

// After decompression, of all files of an archive together.
constexpr std::size_t kMaxBytes = 256 * 1024 * 1024;

struct ReadOptions {
  // Columns of a table (or members of JSON) that have other names than usual: "abstract" -> "Kurzfassung".
  // Keys: title abstract year journal authors doi pmid publication_types language url id.
  std::map<std::string, std::string> columns;
  std::size_t max_bytes = kMaxBytes;
};

struct ReadReferences {
  std::vector<Format> formats;  // of each file in the archive, in order; one where there is no archive
  std::vector<Reference> references;
  std::vector<Warning> warnings;
};

// invalid_argument, with what was seen and what to do: the bytes are of no known format, a table has no
// column of titles or abstracts, an archive is damaged or encrypted, or there is more than `max_bytes`
// (reason "payload_too_large").
Result<ReadReferences> read(std::string_view bytes, const ReadOptions& options = {});

// The format of one uncompressed file in UTF-8, found from its beginning.
std::optional<Format> sniff(std::string_view text);

// References that are the same publication, made one: the first of them keeps its place and gets what it
// lacks from the others. Same are two with one DOI; with one PMID; or with one title (letters and digits, in
// any case) and one year (where a year is missing: one first author or abstract), where neither DOI nor PMID
// says that they are two.
struct Joined {
  std::vector<Reference> references;
  struct Duplicate {
    std::size_t kept = 0;  // index in `references`
    Reference dropped;
    std::string why;  // "doi" | "pmid" | "title and year"
  };
  std::vector<Duplicate> duplicates;
};
Joined join_duplicates(std::vector<Reference> references);

}  // namespace medsynth::references
