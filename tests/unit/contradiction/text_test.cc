#include "medsynth/contradiction/text.h"

#include <utility>

#include <gtest/gtest.h>

namespace medsynth::contradiction {
namespace {

std::vector<std::string> sentence_texts(std::string_view text) {
  std::vector<std::string> out;
  for (const Span& span : sentences(text)) out.emplace_back(text.substr(span.begin, span.end - span.begin));
  return out;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (const Token& token : tokens(text, {0, text.size()})) out.push_back(token.text);
  return out;
}

std::string stem(std::string_view word) {
  return inflection_stem(word);
}
std::string root_of(std::string_view word) {
  return root(inflection_stem(word));
}

// A text with decimals, abbreviations and units is parted where its sentences end, and only there.
TEST(Sentences, SurviveDecimalsAbbreviationsAndUnits) {
  EXPECT_EQ(sentence_texts("Risk fell (p = 0.03 vs. 0.2, i.e. more). Dose was 2.5 mg. It helped!"),
            (std::vector<std::string>{"Risk fell (p = 0.03 vs. 0.2, i.e. more).", "Dose was 2.5 mg.",
                                      "It helped!"}));
  EXPECT_EQ(sentence_texts("Smith et al. Found it in E. coli. No. 3 was best.").size(), 2U);
  EXPECT_EQ(sentence_texts("Vitamin D. It helps.").size(), 2U);
}

// A blank line parts sentences, a single line break does not, and empty text has none.
TEST(Sentences, BlankLinesPart) {
  EXPECT_EQ(sentence_texts("Results\n\nAspirin\nhelps").size(), 2U);
  EXPECT_TRUE(sentence_texts("").empty());
  EXPECT_TRUE(sentence_texts(" \n\t ").empty());
}

// Letters are folded: case, accents, dashes, Greek names; digits that belong to a name stay with it.
TEST(Tokens, AreFolded) {
  EXPECT_EQ(words("Na\u00efve TNF-\u03b1"), (std::vector<std::string>{"naive", "tnf", "alpha"}));
  EXPECT_EQ(words("COVID\u201119 omega-3 IL-6"), (std::vector<std::string>{"covid19", "omega3", "il6"}));
  EXPECT_EQ(words("1,250 \u00b5g 10mg"), (std::vector<std::string>{"1250", "ug", "10", "mg"}));
  EXPECT_EQ(words("doesn\u2019t"), (std::vector<std::string>{"doesn't"}));
}

// Spans are bytes of the text that was given, also after characters of several bytes.
TEST(Tokens, SpansAreBytesOfTheText) {
  const std::string text = "\u00c9t\u00e9 low-dose";
  const auto found = tokens(text, {0, text.size()});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(text.substr(found[0].span.begin, found[0].span.end - found[0].span.begin), "\u00c9t\u00e9");
  EXPECT_EQ(text.substr(found[1].span.begin, found[1].span.end - found[1].span.begin), "low");
  EXPECT_TRUE(found[1].joined);
  EXPECT_FALSE(found[2].joined);
}

// Bytes that are no UTF-8 separate words and stay out of them.
TEST(Tokens, InvalidBytesSeparate) {
  EXPECT_EQ(words("as\xff"
                  "pirin \xc3"),
            (std::vector<std::string>{"as", "pirin"}));
  EXPECT_EQ(words("\xf4\x90\x80\x80\xed\xa0\x80").size(), 0U);
}

// A word of nothing but combining marks is no token, wherever it stands.
TEST(Tokens, LoneMarksAreDropped) {
  EXPECT_EQ(words("\u0301 a \u0301\u0301"), (std::vector<std::string>{"a"}));
  EXPECT_EQ(words("e\u0301t"), (std::vector<std::string>{"et"}));
  EXPECT_EQ(stem(""), "");
  EXPECT_EQ(root(""), "");
}

// Only words written in capitals may be abbreviations.
TEST(Tokens, KnowCapitals) {
  const std::string text = "MI Mi NSAIDs";
  const auto found = tokens(text, {0, text.size()});
  EXPECT_TRUE(found[0].capitals);
  EXPECT_FALSE(found[1].capitals);
  EXPECT_TRUE(found[2].capitals);
}

// The forms of a verb meet in one stem; different verbs do not.
TEST(Stems, FormsOfAWordMeet) {
  for (const char* form : {"reduces", "reduced", "reducing"}) EXPECT_EQ(stem(form), stem("reduce")) << form;
  for (const char* form : {"prevents", "prevented", "preventing"})
    EXPECT_EQ(stem(form), stem("prevent")) << form;
  EXPECT_NE(stem("reduce"), stem("produce"));
  EXPECT_EQ(root_of("infection"), root_of("infected"));
  EXPECT_EQ(root_of("obesity"), root_of("obese"));
  EXPECT_EQ(root_of("vaccination"), root_of("vaccine"));
  EXPECT_NE(root_of("aspirin"), root_of("aspiration"));
}

// British and American spelling are one word.
TEST(Stems, SpellingsMeet) {
  for (const auto& [british, american] :
       std::vector<std::pair<const char*, const char*>>{{"tumour", "tumor"},
                                                        {"oestrogen", "estrogen"},
                                                        {"anaemia", "anemia"},
                                                        {"randomised", "randomized"},
                                                        {"haemorrhage", "hemorrhage"},
                                                        {"fibre", "fiber"},
                                                        {"behaviour", "behavior"},
                                                        {"mobilisation", "mobilization"}})
    EXPECT_EQ(root_of(british), root_of(american)) << british;
}

}  // namespace
}  // namespace medsynth::contradiction
