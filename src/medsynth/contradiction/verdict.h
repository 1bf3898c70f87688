// From scores to a verdict: the bands, how sure it is, and on what ground. Pure.
#pragma once

#include "medsynth/contradiction/polarity.h"
#include "medsynth/jobs/jobs.h"

namespace medsynth::contradiction {

jobs::Verdict verdict_of(double score);

// The score of a contradiction after differences that only the metadata knows; other scores stay.
double with_metadata(double score, double certainty_left);

// An uncalibrated model's probability moves a score inside the uncertain band a little; outside of it,
// nothing.
double moved(double score, double probability);

jobs::Confidence confidence_of(const Polarity& polarity, const Claim& claim1, const Claim& claim2);

// Of a contradiction. statistical: one side denies significance, or the p-values stand on different sides of
// 0.05. temporal: a claim speaks of before and now, or the years are ten or more apart. Else direct.
jobs::ContradictionType type_of(const Polarity& polarity, const Claim& claim1, const Claim& claim2,
                                const json::object& metadata1, const json::object& metadata2);

}  // namespace medsynth::contradiction
