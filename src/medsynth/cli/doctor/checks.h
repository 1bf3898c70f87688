// What the facts mean: each function judges one part, without looking at anything itself. Pure, thread safe
// (no state). docs/doctor.md lists every id.
#pragma once

#include "medsynth/cli/doctor/check.h"
#include "medsynth/cli/doctor/facts.h"

namespace medsynth::cli::doctor {

// redis.connection, and when there is one: redis.role, .rights, .persistence, .writes, .eviction, .memory,
// .clients, .version, .access, .clock. When there is none, all but the first are left out: that is what is to
// be put right.
Checks redis_checks(const RedisFacts& facts);
Check redis_connection(const RedisFacts& facts);
Check redis_version(const RedisFacts& facts);

Checks machine_checks(const MachineFacts& facts);
// `unknown` as unknown_variables() says them (base/settings.h).
Checks setting_checks(const std::vector<std::string>& unknown);
Checks build_checks(const BuildFacts& facts);
Checks model_checks(const ModelsFacts& facts, const MachineFacts& machine);
// `facts` hidden: Redis was not reached.
Checks fleet_checks(const Seen<FleetFacts>& facts);
Checks server_checks(const ServerFacts& facts);

// One field of INFO; empty when it is not there.
std::string info_field(std::string_view info, std::string_view name);

}  // namespace medsynth::cli::doctor
