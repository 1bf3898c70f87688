#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "medsynth/references/references.h"

namespace medsynth::references {
namespace {

Reference reference(std::string title, std::optional<std::int64_t> year, std::string doi = "",
                    std::string pmid = "") {
  Reference made;
  made.title = std::move(title);
  made.year = year;
  made.doi = std::move(doi);
  made.pmid = std::move(pmid);
  return made;
}

// One DOI, one PMID, or one title and year: joined into the first, which gets what it lacks.
TEST(Duplicates, AreJoined) {
  Reference other = reference("Anything at all, really", 2018, "10.1/a", "5");
  other.abstract = "Text.";
  const Joined joined =
      join_duplicates({reference("Statins and stroke in adults", 2019, "10.1/a"), other,
                       reference("Statins and Stroke in Adults.", 2019), reference("x", {}, "", "5"),
                       reference("Another title altogether", 2019)});
  ASSERT_EQ(joined.references.size(), 2u);
  EXPECT_EQ(joined.references[0].title, "Statins and stroke in adults");
  EXPECT_EQ(joined.references[0].abstract, "Text.");
  EXPECT_EQ(joined.references[0].pmid, "5");
  ASSERT_EQ(joined.duplicates.size(), 3u);
  EXPECT_EQ(joined.duplicates[0].why, "doi");
  EXPECT_EQ(joined.duplicates[1].why, "title and year");
  EXPECT_EQ(joined.duplicates[2].why, "pmid");
}

// Titles that many have, other years, other identifiers, and records that say nothing of when: two
// publications.
TEST(Duplicates, AreNotInvented) {
  EXPECT_TRUE(
      join_duplicates({reference("Editorial", 2019), reference("Editorial", 2019)}).duplicates.empty());
  EXPECT_TRUE(join_duplicates({reference("Statins and stroke in adults", 2019),
                               reference("Statins and stroke in adults", 2020)})
                  .duplicates.empty());
  EXPECT_TRUE(join_duplicates({reference("Statins and stroke in adults", 2019, "10.1/a"),
                               reference("Statins and stroke in adults", 2019, "10.1/b")})
                  .duplicates.empty());
  EXPECT_TRUE(join_duplicates({reference("Statins and stroke in adults", {}),
                               reference("Statins and stroke in adults", {})})
                  .duplicates.empty());
}

// A withdrawn paper and the record of it from before are one, and it is withdrawn.
TEST(Duplicates, RetractionIsKept) {
  Reference withdrawn = reference("RETRACTED: Statins and stroke in adults", 2019);
  withdrawn.retracted = true;
  const Joined joined = join_duplicates({reference("Statins and stroke in adults", 2019), withdrawn});
  ASSERT_EQ(joined.references.size(), 1u);
  EXPECT_TRUE(joined.references[0].retracted);
}

}  // namespace
}  // namespace medsynth::references
