#include "medsynth/base/word_filter.h"

#include <gtest/gtest.h>

namespace medsynth {
namespace {

struct Row {
  const char* words;
  const char* text;
  bool matches;
};

TEST(WordFilter, AllWordsInAnyOrderAndCase) {
  for (const Row& row : {
           Row{"", "anything", true},
           {" , ", "anything", true},
           {"statin stroke", "Stroke, after STATINS", true},
           {"statin stroke", "statins in heart failure", false},
           {"statins", "statin", true},
           {"vitamin d", "vitamin D supplements", true},
           {"vitamin d", "vitamin B12", false},
           {"in", "insulin", false},
           {"insulin", "in", false},
           {"covid-19", "COVID-19 vaccines", true},
           {"b\xC3\xA9ta", "b\xC3\xA9tabloquants", true},
           {"stroke", "", false},
       })
    EXPECT_EQ(WordFilter(row.words).matches(row.text), row.matches) << row.words << " in " << row.text;
}

}  // namespace
}  // namespace medsynth
