// Units of measurement behind a number, so that numbers in different units can be compared: "500 mcg" is
// "0.5 mg", "38 °C" is "100.4 °F". Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/text.h"

namespace medsynth::contradiction {

// Each in the unit in which values of it are kept.
enum class Dimension : std::uint8_t {
  none,
  time,                 // months
  mass,                 // mg
  volume,               // ml
  length,               // mm
  temperature,          // °C
  mass_per_volume,      // mg/l
  molar_per_volume,     // mmol/l
  amount_of_substance,  // mmol
  activity,             // international units
  activity_per_volume,  // units/l
  pressure,             // mmHg
  energy,               // kcal
};

// What an amount is of: "mg per day" and "mg/kg" cannot be compared.
enum class Per : std::uint8_t { nothing, day, kilogram, square_metre, kilogram_and_day };

struct UnitRead {
  Dimension dimension = Dimension::none;
  double factor = 1, offset = 0;  // value of the dimension = factor * number + offset
  Per per = Per::nothing;
  std::size_t tokens = 0;
};

// The unit that the tokens at `at` name, with what it is per; nothing when they name none. `value` is the
// number before: "38 C" is a temperature, "3 C" is not.
std::optional<UnitRead> unit_at(const std::vector<Token>& tokens, std::size_t at, double value);

// "five" is 5, "twenty five" 25, "half" none: the number that the tokens at `at` spell, and how many they
// are.
struct Spelled {
  double value = 0;
  std::size_t tokens = 0;  // 0: no number
};
Spelled spelled_number(const std::vector<Token>& tokens, std::size_t at);

// Grams per mole of the one analyte that a sentence names ("glucose", "LDL cholesterol"); 0: none, or
// several. Without it mmol/l and mg/dl cannot be compared.
double molar_mass_of(const std::vector<Token>& sentence);

}  // namespace medsynth::contradiction
