// People named by what they are not.
#include "medsynth/contradiction/groups.h"

#include <string>

#include <gtest/gtest.h>

#include "medsynth/contradiction/claim.h"

namespace medsynth::contradiction {
namespace {

std::vector<Item> named(std::string_view text) {
  const std::vector<Token> read = tokens(text, {0, text.size()});
  std::vector<Item> items = look_up(read);
  name_groups(items);
  return items;
}

std::string marked(std::string_view text) {
  std::string out;
  for (const Item& item : named(text))
    if (item.entry.complement || item.entry.group)
      out += (item.entry.group ? "group:" : "is not:") + item.text + " ";
  return out;
}

struct Row {
  std::string_view text, marks;
};

// The ways to name a group by what it lacks; in a predicate the word denies, and names no group.
TEST(Groups, AreNamedByWhatTheyLack) {
  for (const Row& row : {Row{"Patients without diabetes had fever", "group:diabetes "},
                         {"Women with no history of stroke died", "group:history group:stroke "},
                         {"Never smokers had a low risk", "group:smokers "},
                         {"Nonsmokers lived longer", "group:nonsmokers "},
                         {"Non-diabetic patients benefited", "group:diabetic "},
                         {"Unvaccinated children developed measles", "group:unvaccinated "},
                         {"Symptom-free carriers transmit the virus", "group:symptom "},
                         {"Steroid-naive patients responded", "group:steroid "},
                         {"Mothers who did not smoke had heavier babies", "group:smoke "},
                         {"Patients who had never had a stroke tolerated it", "group:stroke "},
                         {"The patient is unvaccinated", "is not:unvaccinated "},
                         {"She is a non-smoker", "is not:smoker "}})
    EXPECT_EQ(marked(row.text), row.marks) << row.text;
}

// Denials that say something of their subject stay denials.
TEST(Groups, DenialsStay) {
  for (std::string_view text : {"The patient has never smoked", "The patient is without fever",
                                "The operation went without complications", "The drug does not reduce pain",
                                "Mice without interferon developed colitis", "No patients had fever"})
    EXPECT_EQ(marked(text), "") << text;
}

// What a group does is not denied by its name.
TEST(Groups, NamesDenyNothingElse) {
  const Claim claim = read_claim("Patients without diabetes had fever.");
  EXPECT_FALSE(claim.negated());
  for (const Word& word : claim.words) EXPECT_FALSE(word.denied);
}

}  // namespace
}  // namespace medsynth::contradiction
