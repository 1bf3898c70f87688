// References as `analyze` takes them, each with the one id that the result will call it by. Pure.
//
//   const Joined joined = join_duplicates(std::move(read->references));
//   const std::vector<Article> articles = articles_of(joined.references);   // of the same order
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"
#include "medsynth/references/references.h"

namespace medsynth::references {

// Absent where the file does not say. `analyze` takes it as it is.
struct Article {
  std::string id;  // its DOI, else "pmid:...", else the file's own id, else reference-N; no two have one
  std::string title;
  std::string abstract;
  std::optional<std::string> pmid;
  std::optional<std::string> doi;
  std::optional<std::int64_t> year;
  std::optional<std::string> journal;
  std::optional<std::vector<std::string>> authors;
  std::optional<std::vector<std::string>> publication_types;
  std::optional<std::string> language;
  std::optional<bool> retracted;
};
BOOST_DESCRIBE_STRUCT(Article, (),
                      (id, title, abstract, pmid, doi, year, journal, authors, publication_types, language,
                       retracted))

std::vector<Article> articles_of(const std::vector<Reference>& references);

// References as RIS, which read() and the programs that people use read again. Line breaks in a value become
// spaces. The lines of `id`, `line` and `file` are not written: they are of the file that was read.
std::string write_ris(const std::vector<Reference>& references);

}  // namespace medsynth::references

namespace medsynth::described {
template <>
struct Rules<references::Article> {
  static constexpr std::array fields{
      Field{.name = "id", .help = "What the result of an analysis calls it"},
      Field{.name = "abstract", .help = "\"\" where the file has none"},
      Field{.name = "doi", .help = "Lower case, without https://doi.org/"},
      Field{.name = "retracted", .help = "true: the publication itself was retracted"}};
};
}  // namespace medsynth::described
