// From scores to a verdict: the bands, how sure it is, and on what ground. Pure.
#pragma once

#include "medsynth/contradiction/judge.h"
#include "medsynth/jobs/jobs.h"

namespace medsynth::contradiction {

jobs::Verdict verdict_of(double score, const Band& uncertain);

// The score after differences that only the metadata knows: at most down to the band; scores below it stay.
double with_metadata(double score, double certainty_left, const Band& uncertain);

// An uncalibrated model's probability moves a score inside the uncertain band a little; outside of it,
// nothing.
double moved(double score, double probability, const Band& uncertain);

jobs::Confidence confidence_of(const Judgement& judgement, double score, const Band& uncertain,
                               const Claim& claim1, const Claim& claim2);

// Of a contradiction. statistical: one side denies significance, the p-values of the metadata stand on
// different sides of 0.05, or only the numbers exclude each other. temporal: a claim speaks of before and
// now, the years of the metadata are ten or more apart, or only dates or durations exclude each other. Else
// direct.
jobs::ContradictionType type_of(const Judgement& judgement, const Claim& claim1, const Claim& claim2,
                                const json::object& metadata1, const json::object& metadata2);

}  // namespace medsynth::contradiction
