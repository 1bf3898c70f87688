// What the workers' snapshots mean for the API's answers. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/api/payloads.h"
#include "medsynth/dramatiq/workers.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/limits/limits.h"
#include "medsynth/telemetry/telemetry.h"

namespace medsynth::api {

// One entry per host, in the snapshots' order. Slots are per machine, so several workers of one host tell the
// same number: the newest snapshot's counts, and the highest where they differ.
std::vector<HostUsage> hosts_of(const std::vector<fleet::Snapshot>& snapshots);

// The limits as they are asked for: what was set through the API, over the environment of a worker that still
// obeys its own, over `environment`.
limits::Limits limits_in_force(const std::vector<fleet::Snapshot>& snapshots,
                               const std::map<std::string, double>& set, const limits::Limits& environment);

// What a snapshot holds that cannot be: it was passed over.
std::vector<Fault> faults_of(const fleet::Snapshot& snapshot);

void copy_limits(const limits::Limits& from, limits::Usage& to);

// On top: the sum of tasks, the highest percents, the limits.
UsageAnswer usage_of(std::vector<HostUsage> hosts, const limits::Limits& limits);

CacheAnswer cache_of(const std::vector<fleet::Snapshot>& snapshots, std::int64_t max_size_alone,
                     double ttl_alone);

// What is installed, once for each host: workers of one host read one catalogue.
ModelsAnswer models_of(const std::vector<fleet::Snapshot>& snapshots);

// What the workers made of a model that is to be the default, once for each host: `answers` by worker id, as the workers
// confirmed "models.use". not_found ("model_not_found"): every host said that it does not have it; unavailable
// ("not_chosen"): it is the default nowhere, with the reason of one.
Result<ModelChoice> choice_of(const std::vector<fleet::Snapshot>& snapshots, std::string_view model,
                              const std::map<std::string, json::object>& answers);

// Whether a task may name this model: success where a worker has it, or may have it (an older version does
// not say; without a worker nobody knows). invalid_argument at `pointer` names what is installed: it is
// of another kind, or nobody has it. A language model serves as a sentence model, too.
Result<> check_model(const std::vector<fleet::Snapshot>& snapshots, const std::string& pointer,
                     std::string_view model, std::string_view kind);

// When no worker would load this model now, because it failed to load on each: unavailable with its cause and
// retry_after, which is when the first of them tries again.
std::optional<Error> failed_model(const std::vector<fleet::Snapshot>& snapshots, std::string_view model,
                                  WallTime now);

// Whether somebody works, and if not, who should, and what is known of them. `registered`: those that said in
// the broker's keys that they are there.
HealthCheck workers_check(const Result<fleet::Roll>& roll,
                          const Result<std::vector<dramatiq::WorkerEntry>>& registered);

// The workers' own metrics, each with a `worker` label, and gauges of hosts and workers.
std::vector<telemetry::Sample> samples_of(const std::vector<fleet::Snapshot>& snapshots);

telemetry::Sample gauge(std::string name, std::string help, std::map<std::string, std::string> labels,
                        double value);

}  // namespace medsynth::api
