// The format of what lies in Redis: records, queues of ours, snapshots and control. One number for all of it,
// written by the first server or worker; docs/decisions/0071. What is only added needs no other number, so old
// and new programs run side by side; a program that meets a newer one than it knows does not start.
#pragma once

#include <cstdint>

#include "medsynth/fleet/fleet.h"

namespace medsynth::fleet {

inline constexpr std::int64_t kFormat = 1;

// The number that is there; 0: none, as before there was one.
redis::Query<std::int64_t> format(const FleetOptions& options);

// conflict ("newer_format"), with what to do, where `found` is newer than this program knows. Pure.
Result<> check_format(std::int64_t found);

// Both, and writes the number where there is none.
redis::Query<redis::Done> claim_format(const FleetOptions& options);

}  // namespace medsynth::fleet
