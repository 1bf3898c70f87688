// The lexicon as data: sources, sizes, and names that refer to each other.
#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "medsynth/contradiction/lexicon_tables.h"

namespace medsynth::contradiction {
namespace {

std::vector<std::string> words_of(const TermRow& row) {
  std::vector<std::string> out;
  for (std::string_view rest = row.words; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (end > 0) out.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

// Each row stands in a small section with a source that a reader can look up.
TEST(Lexicon, EachSectionNamesItsSource) {
  for (const TermSection& section : term_sections()) {
    EXPECT_FALSE(section.about.empty());
    EXPECT_GT(citation(section.source).size(), 20U) << section.about;
    EXPECT_LE(section.rows.size(), 60U)
        << section.about << ": part it, so that its source holds for each row";
    for (const TermRow& row : section.rows) EXPECT_FALSE(words_of(row).empty()) << section.about;
  }
}

// What a row's concepts are kinds of is the first word of some row.
TEST(Lexicon, KindsReferToRows) {
  std::set<std::string> first;
  for (const TermSection& section : term_sections())
    for (const TermRow& row : section.rows)
      if (row.same) first.insert(words_of(row)[0]);
  for (const TermSection& section : term_sections())
    for (const TermRow& row : section.rows)
      for (const std::string& word : words_of(row))
        if (word.front() == '<')
          EXPECT_TRUE(first.count(word.substr(1)) == 1) << section.about << ": " << word;
}

// A name has one meaning within its section: the second row would never be met.
TEST(Lexicon, NamesAreInOneRow) {
  for (const TermSection& section : term_sections()) {
    std::set<std::string> seen;
    for (const TermRow& row : section.rows)
      for (std::string word : words_of(row)) {
        if (word.front() == '<') continue;
        word.erase(0, word.find_first_not_of("-~"));
        EXPECT_TRUE(seen.insert(word).second) << section.about << ": " << word;
      }
  }
}

// A name is read as its row says: stems of other words do not take it ("rats" are no "rate").
TEST(Lexicon, NamesAreFoundInTheirRow) {
  for (const TermSection& section : term_sections())
    for (const TermRow& row : section.rows) {
      if (!row.same) continue;
      const std::uint64_t first = concept_of(words_of(row)[0]);
      for (std::string word : words_of(row)) {
        if (word.front() == '<') continue;
        const bool rival = word.front() == '~';
        if (rival || word.front() == '-') word.erase(0, 1);
        if (word.front() == '=') word.erase(0, 1);
        std::replace(word.begin(), word.end(), '_', ' ');
        const std::vector<Token> read = tokens(word, {0, word.size()});
        const std::vector<Item> items = look_up(read);
        ASSERT_FALSE(items.empty()) << word;
        if (items[0].entry.role != Role::content) continue;  // it steers first
        EXPECT_EQ(items.size(), 1U) << section.about << ": " << word;
        EXPECT_EQ(items[0].entry.concept_id, rival ? rival_of(first) : first)
            << section.about << ": " << word;
      }
    }
}

}  // namespace
}  // namespace medsynth::contradiction
