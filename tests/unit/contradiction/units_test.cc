// Numbers and their units.
#include "medsynth/contradiction/units.h"

#include <gtest/gtest.h>

#include "medsynth/contradiction/quantities.h"

namespace medsynth::contradiction {
namespace {

Quantity only(std::string_view text) {
  Quantities found;
  read_quantities(tokens(text, {0, text.size()}), found);
  EXPECT_EQ(found.quantities.size(), 1U) << text;
  return found.quantities.empty() ? Quantity{} : found.quantities[0];
}

// The same amount in two units is one value.
TEST(Units, OneAmountHasOneValue) {
  struct Row {
    std::string_view first, second;
  };
  for (const Row& row : {Row{"500 mcg", "0.5 mg"},
                         {"500 \xC2\xB5g", "0.5 mg"},
                         {"500 \xCE\xBCg", "0.5 mg"},
                         {"24 hours", "1 day"},
                         {"two weeks", "14 days"},
                         {"120 minutes", "two hours"},
                         {"1.5 l", "1500 ml"},
                         {"15 mm", "1.5 cm"},
                         {"38 \xC2\xB0"
                          "C",
                          "100.4 \xC2\xB0"
                          "F"},
                         {"10 \xC2\xB5g/ml", "10 mg/l"},
                         {"100 mg/dl", "1 g/l"},
                         {"1 g per day", "1000 mg daily"},
                         {"500 mg twice daily", "1 g per day"},
                         {"3.5 kg", "3500 grams"},
                         {"twenty five milligrams", "25 mg"},
                         {"twelve months", "1 year"}}) {
    const Quantity a = only(row.first), b = only(row.second);
    EXPECT_NEAR(a.high, b.high, .01 * b.high) << row.first << ", " << row.second;
    EXPECT_EQ(a.dimension, b.dimension) << row.first;
    EXPECT_EQ(a.per, b.per) << row.first;
  }
}

// Shares are percentages, however they are written.
TEST(Units, SharesArePercentages) {
  for (std::string_view text :
       {"25%", "25 percent", "25 per cent", "twenty-five percent", "one in four patients", "3 out of 12",
        "12 of 48", "a proportion of 0.25", "250 per 1000", "a quarter of patients"})
    EXPECT_NEAR(only(text).high, 25, .01) << text;
}

// Concentrations by amount and by mass are one only where it is said of what.
TEST(Units, MolarMassIsThatOfTheOneAnalyte) {
  const auto mass = [](std::string_view text) { return molar_mass_of(tokens(text, {0, text.size()})); };
  EXPECT_NEAR(mass("The glucose was high"), 180.16, .01);
  EXPECT_NEAR(mass("LDL cholesterol"), 386.65, .01);
  EXPECT_EQ(mass("The marker was high"), 0);
  EXPECT_EQ(mass("glucose and creatinine"), 0);
}

// A letter behind a number is a unit of temperature only where the number can be one.
TEST(Units, TemperaturesArePlausible) {
  EXPECT_EQ(only("38.5 C").dimension, Dimension::temperature);
  const std::string_view text = "3 C";
  EXPECT_FALSE(unit_at(tokens(text, {0, text.size()}), 1, 3));
}

}  // namespace
}  // namespace medsynth::contradiction
