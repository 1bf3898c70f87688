#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/text.h"
#include "medsynth/references/fields.h"
#include "medsynth/references/formats.h"
#include "medsynth/references/references.h"
#include "medsynth/references/unpack.h"

namespace medsynth::references {
namespace {

constexpr std::size_t kLooked = 64 * 1024;  // bytes at the beginning that tell the format

bool has_line(std::string_view text, std::string_view beginning) {
  return text.starts_with(beginning) || text.find("\n" + std::string(beginning)) != text.npos;
}

std::optional<Format> sniff_xml(std::string_view text) {
  const auto has = [&](std::string_view element) {
    return text.find("<" + std::string(element)) != text.npos;
  };
  if (has("PubmedArticle") || has("PubmedBookArticle") || has("MedlineCitation")) return Format::pubmed_xml;
  if (has("records>") || has("record>") || has("ref-type")) return Format::endnote_xml;
  for (const std::string_view article : {"article ", "article>", "article\n", "article\t", "pmc-articleset"})
    if (has(article)) return Format::jats;
  return std::nullopt;
}

// "@article{": an entry, not an address in a text.
bool has_bibtex_entry(std::string_view text) {
  for (std::size_t at = text.find('@'); at != text.npos; at = text.find('@', at + 1)) {
    if (at > 0 && text[at - 1] != '\n') continue;
    const std::size_t open = text.find_first_of("{(", at);
    if (open == text.npos || open - at > 40) continue;
    const std::string word = trimmed(text.substr(at + 1, open - at - 1));
    if (!word.empty() &&
        word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == word.npos)
      return true;
  }
  return false;
}

Error unknown_format(std::string_view text) {
  const std::string beginning = printable(trimmed(text.substr(0, text.find('\n'))).substr(0, 60));
  return invalid("", fmt::format("this is no format of references that is known (it begins with '{}'): "
                                 "export as RIS, MEDLINE (.nbib), "
                                 "PubMed XML, EndNote, BibTeX, CSV with a first row of names, or JSON",
                                 beginning));
}

Result<Part> read_text(std::string_view text, Format format, const ReadOptions& options) {
  switch (format) {
    case Format::ris:
    case Format::medline:
    case Format::endnote_tagged:
    case Format::web_of_science:
      return read_tagged(text, format);
    case Format::bibtex:
      return read_bibtex(text);
    case Format::csv:
      return read_csv(text, options);
    case Format::pubmed_xml:
    case Format::jats:
    case Format::endnote_xml:
      return read_xml(text, format);
    case Format::json:
    case Format::json_lines:
      return read_json(text, format, options);
  }
  return unknown_format(text);
}

// A record that says nothing is not one; one without a title or an abstract is.
bool is_empty(const Reference& each) {
  return each.title.empty() && each.abstract.empty() && each.doi.empty() && each.pmid.empty() &&
         each.authors.empty() && each.journal.empty() && !each.year;
}

}  // namespace

std::optional<Format> sniff(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return std::nullopt;
  text = text.substr(first, kLooked);
  if (text[0] == '<') return sniff_xml(text);
  if (text[0] == '[') return Format::json;
  if (text[0] == '{') {
    // One object in each line, or one that is written over several.
    const std::string_view line = text.substr(0, text.find('\n'));
    const bool whole = trimmed(line).ends_with('}');
    return whole && text.find("\n{") != text.npos ? Format::json_lines : Format::json;
  }
  if (has_line(text, "TY  -") || has_line(text, "TY - ")) return Format::ris;
  if (has_line(text, "PMID-")) return Format::medline;
  if (text.starts_with("FN ") || text.starts_with("VR ") || (has_line(text, "PT ") && has_line(text, "ER")))
    return Format::web_of_science;
  if (has_line(text, "%0 ") || (has_line(text, "%T ") && has_line(text, "%A ")))
    return Format::endnote_tagged;
  if (has_bibtex_entry(text)) return Format::bibtex;
  if (delimiter_of(text)) return Format::csv;
  if (has_line(text, "TI  - ") || has_line(text, "AB  - "))
    return has_line(text, "ER  -") ? Format::ris : Format::medline;
  if (delimiter_of_rows(text)) return Format::csv;  // its columns are asked for
  return std::nullopt;
}

Result<ReadReferences> read(std::string_view bytes, const ReadOptions& options) {
  BOOST_OUTCOME_TRY(auto files, unpack(bytes, options.max_bytes));
  const bool archive = files.size() > 1 || !files[0].name.empty();
  ReadReferences all;
  for (const File& file : files) {
    const std::string text = to_text(file.bytes);
    const auto format = sniff(text);
    auto part = format ? read_text(text, *format, options)
                       : Result<Part>(text.find_first_not_of(" \t\r\n") == text.npos
                                          ? invalid("", "the file is empty")
                                          : unknown_format(text));
    if (!part) {
      if (!archive) return part.error();
      all.warnings.push_back({0, "this file was passed over: " + part.error().message, file.name});
      continue;
    }
    all.formats.push_back(*format);
    if (part->references.empty() && part->warnings.empty())
      all.warnings.push_back({0, "there is no record in this file", file.name});
    for (Reference& each : part->references) {
      each.file = file.name;
      if (is_empty(each))
        all.warnings.push_back({each.line,
                                "this record has neither title nor abstract nor anything else that is known, "
                                "and was passed over",
                                file.name});
      else
        all.references.push_back(std::move(each));
    }
    for (Warning& each : part->warnings) {
      each.file = file.name;
      all.warnings.push_back(std::move(each));
    }
  }
  if (all.formats.empty())
    return invalid("", "no file of this archive could be read; the first: " + all.warnings.at(0).detail);
  return all;
}

}  // namespace medsynth::references
