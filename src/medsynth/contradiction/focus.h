// What of a claim another claim is about. "There was no chest pain but the patient has fever" meets "The
// patient has fever" with its second half alone: denials, numbers and words of the first half count nothing
// there. Pure.
#pragma once

#include <memory>

#include "medsynth/contradiction/claim.h"

namespace medsynth::contradiction {

// `claim` with those of its clauses that share most with `other`; null when that is all of it, or when none
// shares enough to tell.
std::shared_ptr<const Claim> focus(const Claim& claim, const Claim& other);

}  // namespace medsynth::contradiction
