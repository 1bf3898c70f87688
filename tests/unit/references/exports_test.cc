// Files that people exported. They are not part of the repository: the tests are skipped where they are
// missing.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "medsynth/references/references.h"

namespace medsynth::references {
namespace {

struct Export {
  const char* file;
  Format format;
  int records, titles, abstracts, years, dois, pmids, authors;
  const char* first_title;  // its beginning
};

// Counted by hand and by grep, not by this program.
constexpr Export kExports[] = {
    {"baseline_empty_values.ris", Format::ris, 4, 2, 2, 0, 0, 0, 0, "Title of reference"},
    {"baseline_zotero.ris", Format::ris, 100, 100, 98, 100, 100, 0, 648,
     "An open source machine learning framework"},
    {"embase.csv", Format::csv, 6, 6, 6, 6, 0, 0, 29, "Duplication cysts: Diagnosis"},
    {"example1.bib", Format::bibtex, 17, 5, 1, 13, 0, 0, 6, "title1"},
    {"example1.ciw", Format::web_of_science, 3, 3, 1, 3, 0, 0, 3, "title1"},
    {"example1.enw", Format::endnote_tagged, 2, 1, 1, 1, 0, 0, 1, "title1"},
    {"example2.nbib", Format::medline, 1, 1, 0, 1, 0, 1, 2, "A title for a research article"},
    {"generic.csv", Format::csv, 2, 2, 2, 2, 0, 0, 4, "Title of reference"},
    {"generic_tab.tsv", Format::csv, 2, 2, 2, 2, 0, 0, 4, "Title of reference"},
    {"missing_values.csv", Format::csv, 4, 2, 2, 0, 0, 0, 0, "Title of reference"},
    {"pubmed_endnote.txt", Format::ris, 6, 6, 6, 6, 6, 6, 50, "Boswellia serrata"},
    {"pubmed_zotero.ris", Format::ris, 6, 6, 6, 6, 6, 0, 26, "The importance of cognitive flexibility"},
    {"scopus.ris", Format::ris, 6, 6, 6, 6, 6, 5, 26, "Stress and the brain-gut axis"},
    {"web_of_science.txt", Format::ris, 10, 10, 10, 10, 10, 0, 36, "Holding Yourself Captive"},
};

class Exports : public testing::TestWithParam<Export> {};

TEST_P(Exports, AreReadWhole) {
  const Export& wanted = GetParam();
  const std::filesystem::path path = std::filesystem::path(EXPORTS_DIR) / wanted.file;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the exported files are not beside the repository";
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  const auto found = read(bytes.str());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->formats, std::vector{wanted.format});
  const auto count = [&](auto has) {
    return static_cast<int>(std::count_if(found->references.begin(), found->references.end(), has));
  };
  EXPECT_EQ(static_cast<int>(found->references.size()), wanted.records);
  EXPECT_EQ(count([](const Reference& r) { return !r.title.empty(); }), wanted.titles);
  EXPECT_EQ(count([](const Reference& r) { return !r.abstract.empty(); }), wanted.abstracts);
  EXPECT_EQ(count([](const Reference& r) { return r.year.has_value(); }), wanted.years);
  EXPECT_EQ(count([](const Reference& r) { return !r.doi.empty(); }), wanted.dois);
  EXPECT_EQ(count([](const Reference& r) { return !r.pmid.empty(); }), wanted.pmids);
  int authors = 0;
  for (const Reference& each : found->references) authors += static_cast<int>(each.authors.size());
  EXPECT_EQ(authors, wanted.authors);
  EXPECT_EQ(found->references[0].title.rfind(wanted.first_title, 0), 0u) << found->references[0].title;
  for (const Warning& each : found->warnings) ADD_FAILURE() << each.line << ": " << each.detail;
}

INSTANTIATE_TEST_SUITE_P(Files, Exports, testing::ValuesIn(kExports), [](const auto& each) {
  std::string name = each.param.file;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

}  // namespace
}  // namespace medsynth::references
