#include "medsynth/contradiction/abbreviations.h"

#include <gtest/gtest.h>

#include "medsynth/contradiction/claim.h"
#include "medsynth/contradiction/topic.h"

namespace medsynth::contradiction {
namespace {

std::string written_out(std::string_view text) {
  Abbreviations known;
  std::string out;
  for (const Span& sentence : sentences(text)) {
    const std::vector<Token> words = tokens(text, sentence);
    known.learn(words);
    for (const Token& token : known.written_out(words)) out += (out.empty() ? "" : " ") + token.text;
  }
  return out;
}

// What a text defines is written out in its later sentences, and the definition's bracket goes.
TEST(Abbreviations, AreWrittenOutWhereTheyAreUsed) {
  EXPECT_EQ(written_out("Patients with myocardial infarction (MI) bled. MI was common."),
            "patients with myocardial infarction bled . myocardial infarction was common .");
  EXPECT_EQ(written_out("Antiepileptic drugs (AEDs) help. AEDs and an AED."),
            "antiepileptic drugs help . antiepileptic drugs and an antiepileptic drugs .");
  EXPECT_EQ(written_out("Acute respiratory distress syndrome (ARDS; severe) kills."),
            "acute respiratory distress syndrome ( acute respiratory distress syndrome ; severe ) kills .");
}

// A bracket whose letters are not those of the words before it defines nothing.
TEST(Abbreviations, NeedTheirLetters) {
  for (const char* text : {"aspirin ( trial ) helps", "stroke ( icu ) happens", "the drug ( x ) works"})
    EXPECT_EQ(written_out(text), text);
  EXPECT_EQ(written_out("Stroke (USA) fell. USA."), "stroke ( usa ) fell . usa .");
}

// Spans of what is written out are those of the short form: evidence quotes the text.
TEST(Abbreviations, KeepTheirSpans) {
  const std::string text = "Bone mineral density (BMD) was measured. Zinc raised BMD.";
  const Claim claim = read_claim(text);
  ASSERT_FALSE(claim.effects.empty());
  const Words& outcome = claim.effects.back().outcome;
  ASSERT_FALSE(outcome.empty());
  EXPECT_EQ(text.substr(outcome[0].span.begin, outcome[0].span.end - outcome[0].span.begin), "BMD");
  EXPECT_EQ(overlap(outcome, read_claim("bone mineral density").words).contained, 1);
}

}  // namespace
}  // namespace medsynth::contradiction
