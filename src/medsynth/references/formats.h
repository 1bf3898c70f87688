// One function per family of formats: UTF-8 text in, what it holds out. Internal to this room.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "medsynth/references/references.h"

namespace medsynth::references {

struct Part {
  std::vector<Reference> references;
  std::vector<Warning> warnings;
};

// Lines with tags: ris, medline, endnote_tagged, web_of_science.
Part read_tagged(std::string_view text, Format format);
Part read_bibtex(std::string_view text);
// invalid_argument: no column of titles or abstracts.
Result<Part> read_csv(std::string_view text, const ReadOptions& options);
// pubmed_xml, jats, endnote_xml. A document that ends in the middle gives what came before, and a warning.
Part read_xml(std::string_view text, Format format);
// json, json_lines. invalid_argument: no list of records in it.
Result<Part> read_json(std::string_view text, Format format, const ReadOptions& options);

// The delimiter (',', ';', '\t' or '|') of a table whose first row names columns that are known; nothing
// where none does.
std::optional<char> delimiter_of(std::string_view text);
// The delimiter of a table of any columns: it parts the first two rows into as many cells, two at least.
std::optional<char> delimiter_of_rows(std::string_view text);

}  // namespace medsynth::references
