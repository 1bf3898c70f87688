// Numbers as claims state them: estimates of an effect with their interval, p-values, shares and amounts as
// ranges, dates and durations. Pure, linear in the number of tokens.
//
//   "HR 0.74 (95% CI, 0.60-0.91)"   Estimate{ratio, .74, .60, .91}
//   "p < 0.05"                      PValue{.05, below}
//   "more than half", "20%"         Quantity{percent, 50, 100}, {percent, 20, 20}
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "medsynth/contradiction/text.h"
#include "medsynth/contradiction/units.h"

namespace medsynth::contradiction {

struct Estimate {
  bool ratio = true;  // hazard, odds, risk, rate ratio; else a difference
  double value = 0;
  std::optional<double> low, high;  // confidence interval
  Span span;

  double none() const { return ratio ? 1 : 0; }  // the value of no effect
  // True: the interval excludes no effect; empty: there is no interval.
  std::optional<bool> significant() const;
};

struct PValue {
  double value = 1;
  Span span;
  bool significant() const { return value <= .05; }
};

enum class Kind : std::uint8_t { percent, count, amount, months, years_of_age, year };
struct Quantity {
  Kind kind = Kind::count;
  double low = 0, high = 0;  // what is claimed: "at least 18" is 18 .. infinity; in the unit of the dimension
  Span span;                 // with the unit
  Dimension dimension = Dimension::none;  // of an amount, or time
  Per per = Per::nothing;
  double molar_mass = 0;  // of what the sentence is about, where it is known
};

struct Quantities {
  std::vector<Estimate> estimates;
  std::vector<PValue> p_values;
  std::vector<Quantity> quantities;
};

// Adds what one sentence's tokens say, at most 64 of each in all.
void read_quantities(const std::vector<Token>& tokens, Quantities& out);

}  // namespace medsynth::contradiction
