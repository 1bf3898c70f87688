// Fields and values of clinical notes, in the order of a sentence.
#include "medsynth/contradiction/fields.h"

#include <string>

#include <gtest/gtest.h>

namespace medsynth::contradiction {
namespace {

std::string ordered(std::string_view text) {
  std::string out;
  for (const Token& token : order_fields(tokens(text, {0, text.size()}))) {
    if (!out.empty()) out += ' ';
    out += token.text;
  }
  return out;
}

struct Row {
  std::string_view note, sentence;
};

// A value that denies its field becomes a "no" before it, whatever separates the two.
TEST(Fields, DenyingValuesComeFirst) {
  for (const Row& row : {Row{"Fever: none.", "no fever ; ."},
                         {"Pregnant: no", "no pregnant ;"},
                         {"Smoking status: never", "no smoking status ;"},
                         {"Chest pain - denied", "no chest pain ;"},
                         {"Chest pain \xE2\x80\x93 absent", "no chest pain ;"},
                         {"Chest pain \xE2\x80\x94 absent", "no chest pain ;"},
                         {"Rash (absent)", "no rash ;"},
                         {"Wheeze = not heard", "no wheeze ;"},
                         {"Fever | no", "no fever ;"},
                         {"Fever\tno", "no fever ;"},
                         {"Fever -", "no fever ;"},
                         {"Allergies: none known", "no allergies ;"},
                         {"Fever, chills, cough: denied", "no fever chills cough ;"},
                         {"Pain: none at present", "no pain ; at present"},
                         {"Pneumothorax: ruled out", "no pneumothorax ;"}})
    EXPECT_EQ(ordered(row.note), row.sentence) << row.note;
}

// One that affirms goes, one that leaves it open is said so, and each field keeps its own.
TEST(Fields, EachFieldHasItsOwnValue) {
  for (const Row& row : {Row{"Cough: yes; fever: no.", "cough ; no fever ; ."},
                         {"Cough: yes, fever: no, rash: no", "cough ; no fever ; no rash ;"},
                         {"Headache: +; vomiting: -", "headache ; no vomiting ;"},
                         {"Fever: unknown", "unclear fever ;"},
                         {"No allergies: none", "no allergies ;"}})
    EXPECT_EQ(ordered(row.note), row.sentence) << row.note;
}

// What is no field stays as it is: statements behind a label, results of tests, numbers, prose.
TEST(Fields, OtherTextStays) {
  for (const Row& row : {Row{"Results: aspirin reduced stroke", "results : aspirin reduced stroke"},
                         {"Impression: no pneumonia", "impression : no pneumonia"},
                         {"HIV test: negative", "hiv test : negative"},
                         {"The ratio was 1:2 (not significant)", "the ratio was 1 : 2 ( not significant )"},
                         {"The drug - not approved - failed", "the drug - not approved - failed"}})
    EXPECT_EQ(ordered(row.note), row.sentence) << row.note;
}

// A value that repeats its field says all.
TEST(Fields, RepeatedFieldsGo) {
  EXPECT_EQ(ordered("Smoking status: never smoker"), "never smoker");
  EXPECT_EQ(ordered("Pregnancy: not pregnant"), "not pregnant");
  EXPECT_EQ(ordered("Vaccination status: unvaccinated"), "unvaccinated");
}

// "Denies: fever": the field is the denial, no colon stands between it and what it denies.
TEST(Fields, DenialsAsFieldsReachTheirValues) {
  EXPECT_EQ(ordered("Denies: fever, chills"), "denies fever , chills");
  EXPECT_EQ(ordered("Negative for: fever"), "negative for fever");
}

}  // namespace
}  // namespace medsynth::contradiction
