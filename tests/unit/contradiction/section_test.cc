#include "medsynth/contradiction/findings/section.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/language.h"

namespace medsynth::contradiction {
namespace {

std::string read(std::string_view abstract) {
  std::string out;
  for (const Sentence& sentence : read_sections(abstract))
    out += std::string(described::enum_name(sentence.section)) + ": " +
           std::string(abstract.substr(sentence.span.begin, sentence.span.end - sentence.span.begin)) + "\n";
  return out;
}

// Labels as journals print them: with a colon, with none, fused to the text before or behind them.
TEST(Sections, LabelsInEveryPrint) {
  for (const char* abstract : {"BACKGROUND: Sleep matters. RESULTS: Naps helped. CONCLUSIONS: Nap more.",
                               "Background Sleep matters. Results Naps helped. Conclusions Nap more.",
                               "BackgroundSleep matters.ResultsNaps helped.ConclusionsNap more.",
                               "Background\nSleep matters.\nResults\nNaps helped.\nConclusions\nNap more."})
    EXPECT_EQ(read(abstract), "background: Sleep matters.\nresults: Naps helped.\nconclusions: Nap more.\n")
        << abstract;
}

// A word that is a label elsewhere is none within a sentence.
TEST(Sections, WordsAreNoLabels) {
  EXPECT_EQ(read("Results of two trials differ. Methods to nap are known."),
            "unlabelled: Results of two trials differ.\nunlabelled: Methods to nap are known.\n");
  EXPECT_EQ(read("Patients with gout slept. Design matters."),
            "unlabelled: Patients with gout slept.\nunlabelled: Design matters.\n");
}

// Labels without results tell nothing apart; what follows a summary for lay readers says it all again.
TEST(Sections, WhatCounts) {
  EXPECT_EQ(read("Background: Naps help."), "unlabelled: Naps help.\n");
  EXPECT_EQ(read("Results Naps helped. Author summary Naps help people."),
            "results: Naps helped.\nother: Naps help people.\n");
  EXPECT_FALSE(reports_findings(Section::background));
  EXPECT_FALSE(reports_findings(Section::methods));
  EXPECT_TRUE(reports_findings(Section::mixed));
  EXPECT_TRUE(reports_findings(Section::unlabelled));
}

// Without labels, what stands before the study itself is background; of few sentences nothing is.
TEST(Sections, BackgroundWithoutLabels) {
  const std::string rest = "We gave naps. Naps helped. Age did not. Nap more.";
  EXPECT_EQ(read("Naps cause gout. " + rest).substr(0, 29), "background: Naps cause gout.\n");
  EXPECT_EQ(read("Naps help. We gave naps."), "unlabelled: Naps help.\nunlabelled: We gave naps.\n");
  EXPECT_EQ(read("Naps help. Naps last. Age matters. Sex matters. Gout does."),
            "unlabelled: Naps help.\nunlabelled: Naps last.\nunlabelled: Age matters.\nunlabelled: Sex "
            "matters.\nunlabelled: Gout does.\n");
}

// A full stop inside of a number or of brackets ends no sentence; a fused one does.
TEST(Sections, FullStops) {
  EXPECT_EQ(read("Being short (AOR: 0. 08, 95% CI 0. 02-0. 3) mattered. Age did not."),
            "unlabelled: Being short (AOR: 0. 08, 95% CI 0. 02-0. 3) mattered.\nunlabelled: Age did not.\n");
  EXPECT_EQ(read("The odds were 0. 32 for naps. None slept."),
            "unlabelled: The odds were 0. 32 for naps.\nunlabelled: None slept.\n");
  EXPECT_EQ(read("Naps helped since then.The effect lasted."),
            "unlabelled: Naps helped since then.\nunlabelled: The effect lasted.\n");
}

TEST(Language, EnglishOrNot) {
  EXPECT_TRUE(is_english("Aspirin reduces stroke."));
  EXPECT_TRUE(is_english("Die-back of the vine was not associated with rainfall in this study."));
  EXPECT_FALSE(is_english("Aspirin senkt das Risiko nicht."));
  EXPECT_FALSE(is_english("L'aspirine ne réduit pas le risque chez les patients avec diabète."));
  EXPECT_FALSE(is_english("La aspirina no reduce el riesgo de ictus en los pacientes con diabetes."));
  EXPECT_FALSE(is_english("Аспирин снижает риск инсульта."));
  EXPECT_FALSE(is_english("阿司匹林降低中风风险。"));
}

}  // namespace
}  // namespace medsynth::contradiction
