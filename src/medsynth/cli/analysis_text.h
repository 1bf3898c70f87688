// What an analysis found, as people read it in a terminal of 80 columns. Pure.
#pragma once

#include "medsynth/cli/output.h"
#include "medsynth/references/report.h"

namespace medsynth::cli {

// Counts, a table by question, each pair with both of its sentences, and what was not compared. `details`
// false: a report has them, so the pairs are a line each.
Text analysis_text(const references::Analysis& analysis, const references::Selection& shown, bool details);

}  // namespace medsynth::cli
