// Which texts are read.
#include <gtest/gtest.h>

#include "medsynth/contradiction/claim.h"

namespace medsynth::contradiction {
namespace {

// Other languages are named, also without a function word.
TEST(Language, OthersAreTold) {
  struct Row {
    const char *text, *language;
  };
  for (const Row& row : {Row{"Aspirin senkt das Risiko f\xC3\xBCr Schlaganfall nicht.", "German"},
                         {"Paracetamol senkt Fieber.", "German"},
                         {"L'aspirine ne r\xC3\xA9"
                          "duit pas le risque d'AVC.",
                          "French"},
                         {"La aspirina no reduce el riesgo de ictus.", "Spanish"},
                         {"L'aspirina non riduce il rischio di ictus.", "Italian"},
                         {"A aspirina n\xC3\xA3o reduz o risco de AVC.", "Portuguese"},
                         {"Aspirine verlaagt het risico op een beroerte niet.", "Dutch"},
                         {"Aspiryna nie zmniejsza ryzyka udaru.", "Polish"},
                         {"\xE9\x98\xBF\xE5\x8F\xB8\xE5\x8C\xB9\xE6\x9E\x97\xE9\x99\x8D\xE4\xBD\x8E",
                          "a language in another script"},
                         {"\xD0\x90\xD1\x81\xD0\xBF\xD0\xB8\xD1\x80\xD0\xB8\xD0\xBD \xD1\x81\xD0\xBD\xD0\xB8",
                          "a language in another script"}})
    EXPECT_EQ(read_claim(row.text).language, row.language) << row.text;
}

// Telegraphic English, drug names, symbols and borrowed words are English.
TEST(Language, ShortEnglishIsEnglish) {
  for (const char* text :
       {"Pt afebrile.", "Fever, cough, dyspnea.", "Imatinib ponatinib", "PT/INR elevated", "NKDA",
        "No fever.", "Infliximab effective", "Guillain-Barr\xC3\xA9 syndrome", "De novo mutations in vivo",
        "TNF-\xCE\xB1 and IL-1\xCE\xB2 increased", "Caf\xC3\xA9-au-lait spots in the skin",
        "BP 120/80, HR 72", "Patients die of sepsis.", "Le Fort fracture", "Escherichia coli",
        "Drug A inferior to drug B", "", "The cat sat on the mat"})
    EXPECT_EQ(read_claim(text).language, "") << text;
}

}  // namespace
}  // namespace medsynth::contradiction
