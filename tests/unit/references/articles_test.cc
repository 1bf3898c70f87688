#include "medsynth/references/articles.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace medsynth::references {
namespace {

// An article is called by its DOI, else its PMID, else the file's own id, else its number; never two alike.
TEST(Articles, HaveOneNameEach) {
  Reference doi, pmid, own, none, same;
  doi.doi = "10.1000/a";
  doi.pmid = "1";
  pmid.pmid = "2";
  own.id = "key2020";
  same.doi = "10.1000/a";
  same.id = "\n";
  const auto articles = articles_of({doi, pmid, own, none, same});
  std::vector<std::string> names;
  for (const Article& each : articles) names.push_back(each.id);
  EXPECT_EQ(names,
            (std::vector<std::string>{"10.1000/a", "pmid:2", "key2020", "reference-4", "reference-5"}));
  EXPECT_FALSE(articles[3].doi || articles[3].year || articles[3].retracted);
}

Reference of(const std::string& title, const std::string& abstract) {
  Reference out;
  out.title = title;
  out.abstract = abstract;
  out.year = 2019;
  out.journal = "Journal of Examples";
  out.authors = {"Müller, Änne", "Sample, B."};
  out.doi = "10.1000/x(1)";
  out.pmid = "12345678";
  out.language = "eng";
  out.url = "https://example.org/x";
  out.retracted = true;
  return out;
}

// What is written is read again as it was.
TEST(Ris, IsReadAgain) {
  const Reference first = of("Statins: a trial", "Statins reduced β, p < 0.05."), second = of("Another", "");
  const auto read = references::read(write_ris({first, second}));
  ASSERT_TRUE(read && read->warnings.empty());
  ASSERT_EQ(read->references.size(), 2u);
  for (const auto& [was, is] : {std::pair(first, read->references[0]), {second, read->references[1]}}) {
    EXPECT_EQ(is.title, was.title);
    EXPECT_EQ(is.abstract, was.abstract);
    EXPECT_EQ(is.year, was.year);
    EXPECT_EQ(is.journal, was.journal);
    EXPECT_EQ(is.authors, was.authors);
    EXPECT_EQ(is.doi, was.doi);
    EXPECT_EQ(is.pmid, was.pmid);
    EXPECT_EQ(is.language, was.language);
    EXPECT_EQ(is.url, was.url);
    EXPECT_TRUE(is.retracted);
  }
}

// A value that looks like lines of the format stays a value: no record is ended or begun by a title.
TEST(Ris, KeepsItsRecordsWhateverTheySay) {
  EXPECT_TRUE(rc::check("as many records as were written", [] {
    const auto lines = *rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("ER  - ", "TY  - JOUR", "\r\n", "\n", "words", "\r", "AB  - x",
                                      "\u0085", "\u2028", "\u2029", "\x0B", "\x0C", "\x1E"));
    std::string text = "A ";
    for (const std::string& each : lines) text += each;
    const std::string written = write_ris({of(text, text), of("Another", text)});
    for (const char* end : {"\u0085", "\u2028", "\u2029", "\x0B", "\x0C", "\x1E"})
      RC_ASSERT(written.find(end) == written.npos);
    const auto read = references::read(written);
    RC_ASSERT(read.has_value());
    RC_ASSERT(read->references.size() == 2u);
    RC_ASSERT(read->references[1].title == "Another");
  }));
}

}  // namespace
}  // namespace medsynth::references
