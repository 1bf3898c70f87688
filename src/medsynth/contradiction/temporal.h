// The method `temporal`: dates and durations of one event that cannot both be right, and findings that a
// claim itself calls superseded ("no longer", "previously thought"). Periods that merely differ are a
// difference of context, not a contradiction. Pure.
#pragma once

#include "medsynth/contradiction/statistical.h"

namespace medsynth::contradiction {

Comparison compare_times(const Sides& sides, double about);

}  // namespace medsynth::contradiction
