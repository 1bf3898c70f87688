// What this process reports to the server (its cache, its counters) and is told by it (limits, removals).
#include "medsynth/fleet/fleet.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <unistd.h>

#include "medsynth/base/id.h"
#include "medsynth/limits/overlay.h"

#include "cache.h"
#include "core.h"
#include "module.h"
#include "values.h"

namespace medsynth::python {
namespace {

using namespace std::chrono_literals;

// As workers do it: the same members, by their names.
fleet::CacheReport cache_report(Core& core) {
  fleet::CacheReport report;
  if (!the_cache()) {
    report.max_size = core.settings.max_cached_models;
    report.ttl = core.settings.model_cache_ttl;
    return report;
  }
  const models::CacheStats stats = the_cache()->stats();
  core.metrics.model_cache({stats.size, stats.hits, stats.misses, stats.coalesced, stats.evictions,
                            stats.expirations, stats.load_failures});
  if (auto copy = described::from_value<fleet::CacheReport>(described::to_value(stats)))
    report = std::move(*copy);
  return report;
}

// No queues, and draining: it takes no work, so nobody counts it as a worker that could. No usage: this
// machine's workers report it.
fleet::Snapshot snapshot_of(Core& core, const std::string& worker_id, const std::string& started_at,
                            std::int64_t control_version) {
  fleet::CacheReport cache = cache_report(core);
  fleet::Snapshot snapshot{.worker_id = worker_id,
                           .host = core.host,
                           .pid = getpid(),
                           .version = MEDSYNTH_VERSION,
                           .started_at = started_at,
                           .at = rfc3339(core.client().clock().now()),
                           .draining = true,
                           .limits_origin = "python",
                           .cache = std::move(cache),
                           .control_version = control_version};
  for (const telemetry::Sample& sample : core.metrics.samples())
    if (auto copy = described::from_value<fleet::Sample>(described::to_value(sample)))
      snapshot.metrics.push_back(std::move(*copy));
  return snapshot;
}

// Waits for a connection only where told to: reports can be late, callers cannot.
template <class T>
std::optional<T> try_run(redis::Query<T> query) {
  redis::Client& client = Core::here().client();
  return outside([&](const std::stop_token&) -> std::optional<T> {
    if (!client.connected()) return std::nullopt;
    auto result = client.run(std::move(query));
    if (!result) return std::nullopt;
    return std::move(*result);
  });
}

// Overlays what was set through the API over this process's environment. Only a limiter that exists is told.
void set_limits(const std::map<std::string, double>& set) {
  Core& core = Core::here();
  const limits::Limits wanted = limits::overlay(core.environment_limits(), set).limits;
  if (wanted != core.limiter().limits()) core.limiter().set_limits(wanted);
}

}  // namespace

void bind_fleet(nb::module_& m) {
  m.def("new_worker_id", [] { return new_uuid(); });
  m.def("now", [] { return rfc3339(Core::here().client().clock().now()); });
  // True when it is written. `wait`: also waits for a connection, and says why there is none.
  m.def("publish", [](const std::string& worker_id, const std::string& started_at,
                      std::int64_t control_version, bool wait) {
    Core& core = Core::here();
    auto query = core.fleet.publish(snapshot_of(core, worker_id, started_at, control_version));
    if (!wait) return try_run(std::move(query)).has_value();
    run(std::move(query));
    return true;
  });
  m.def("leave", [](const std::string& worker_id) {
    return try_run(Core::here().fleet.leave(worker_id)).has_value();
  });
  // (version, limits set through the API, [(version, kind, argument)]), or None while Redis is away.
  m.def("control", [](std::int64_t since) -> nb::object {
    const auto control = try_run(Core::here().fleet.control(since));
    if (!control) return nb::none();
    nb::list requests;
    for (const fleet::Request& each : control->requests)
      requests.append(nb::make_tuple(each.version, each.kind, each.argument));
    return nb::make_tuple(control->version, control->limits, requests);
  });
  m.def("confirm", [](std::int64_t version, const std::string& worker_id,
                      const std::map<std::string, std::string>& removals) {
    json::object said;
    for (const auto& [id, removal] : removals) said[id] = removal;
    (void)try_run(Core::here().fleet.confirm(version, worker_id, {{"removals", std::move(said)}}));
  });
  m.def("set_limits", &set_limits);

  m.def("count_inference",
        [](const std::string& model, const std::string& operation, bool succeeded, double seconds) {
          Core::here().metrics.inference(model, operation, succeeded, seconds);
        });
  m.def("update_queue_size", [](const std::string& model, double waiting) {
    Core::here().metrics.update_queue_size(model, waiting);
  });
  m.def("update_model_memory_usage", [](const std::string& model, double bytes) {
    Core::here().metrics.update_model_memory_usage(model, bytes);
  });
  m.def("new_trace_id", &telemetry::new_trace_id);
}

}  // namespace medsynth::python
