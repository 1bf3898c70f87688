// Gathers the facts: the only part of the doctor that looks at anything. It changes nothing, but makes the
// runtime folder as serve does, keeps digests beside model files, and writes a key to Redis that is gone at
// once. Each call blocks for some seconds at most; a part that does not answer is hidden in the facts, with
// the reason.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/base/settings.h"
#include "medsynth/cli/doctor/facts.h"
#include "medsynth/redis/client.h"

namespace medsynth::cli::doctor {

struct RedisLook {
  RedisFacts redis;
  Seen<FleetFacts> fleet;
  std::map<std::string, double> limits;  // set through the API; empty: none, or not seen
};
RedisLook look_at_redis(const Settings& settings);

// Workers and queues, over a connection that stands. `now` is Redis'.
Seen<FleetFacts> look_at_fleet(const Settings& settings, const redis::Url& url, redis::Client& client,
                               WallTime now);

// `limits` go before those of the settings.
MachineFacts look_at_machine(const Settings& settings, const std::map<std::string, double>& limits);
// RLIMIT_NPROC and pids.max of every group above this process, against what runs.
Seen<std::int64_t> processes_left();
std::vector<std::string> look_at_variables();  // of the environment, that are no settings
BuildFacts look_at_build();
ModelsFacts look_at_models(const Settings& settings);
ServerFacts look_at_server(const Settings& settings);

}  // namespace medsynth::cli::doctor
