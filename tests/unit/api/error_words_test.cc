#include "medsynth/api/error_words.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

// Two errors of one cause differ in numbers and ids alone.
TEST(ErrorWords, NumbersAndIdsDoNotCount) {
  EXPECT_EQ(error_words("model biomedlm needs 2048.5 MiB, 512 are free"),
            "model biomedlm needs N MiB, N are free");
  EXPECT_EQ(error_words("task 6f1c9a8e-3b5d-4c2a-9e7f-0a1b2c3d4e5f is another message's"),
            "task … is another message's");
  EXPECT_EQ(error_words("digest deadbeef01 differs"), "digest … differs");
  EXPECT_EQ(error_words("took 10s, not 20s"), "took Ns, not Ns");
}

// Words that look like numbers or ids are words.
TEST(ErrorWords, WordsStay) {
  for (const char* text : {"the facade faded", "effaced", "no actor is called 'nobody'", "a-b-c-d-e-f-a-b-c"})
    EXPECT_EQ(error_words(text), text);
  EXPECT_EQ(error_words("covid-19"), "covid-N");
  EXPECT_EQ(error_words("model2 and x86_64"), "modelN and xN_N");
  EXPECT_EQ(error_words("ends with a dot 3."), "ends with a dot N.");
}

TEST(ErrorWords, OnlyTheFirstLineWithoutHalfCharacters) {
  EXPECT_EQ(error_words("ValueError: no\nTraceback 1"), "ValueError: no");
  EXPECT_EQ(error_words(""), "(no reason)");
  EXPECT_EQ(error_words("\nsecond"), "(no reason)");
  const std::string words = error_words(std::string(199, 'x') + "ééé");
  EXPECT_EQ(words, std::string(199, 'x'));
  EXPECT_LE(error_words(std::string(10'000, 'y')).size(), 200u);
}

// What a filter takes is what a group is called.
TEST(ErrorWords, WordsOfWordsAreTheSame) {
  for (const char* text : {"needs 2048 MiB", "task 6f1c9a8e-3b5d-4c2a-9e7f-0a1b2c3d4e5f", ""})
    EXPECT_EQ(error_words(error_words(text)), error_words(text));
}

}  // namespace
}  // namespace medsynth::api
