// What Medsynth counts, under names that stay (Dramatiq's, and those of ML events), and ML events. One
// Metrics object per process: the worker exports its own as samples inside its snapshot, the server renders
// them with its own at /metrics.
//
//   telemetry::Metrics metrics;
//   metrics.inference("biomedlm", "detect_contradiction", true, 1.9);
//   std::vector<telemetry::Sample> mine = metrics.samples();           // worker
//   std::string page = metrics.render(samples_of_the_workers);         // server
//
// Not tracing, and not a general registry: a new metric is a new method here, so that names, labels and
// buckets stay in one place. Labels never hold task ids or user text: names of queues, actors and models pass
// the bound of label.h. Times are seconds unless a name says otherwise. Thread safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/json.h"

namespace medsynth::telemetry {

// One time series as data. fleet::Sample has the same fields.
struct Sample {
  std::string name;
  std::string kind;  // counter | gauge | histogram
  std::string help;
  std::map<std::string, std::string> labels;
  double value = 0;  // of a histogram: the sum
  std::vector<double> bounds;
  std::vector<std::int64_t> counts;  // cumulative, one more than bounds
};
BOOST_DESCRIBE_STRUCT(Sample, (), (name, kind, help, labels, value, bounds, counts))

// Totals of a model cache since the process started, and how many models it holds now.
struct CacheTotals {
  std::int64_t size = 0;
  std::int64_t hits = 0;
  std::int64_t misses = 0;
  std::int64_t coalesced = 0;
  std::int64_t evictions = 0;
  std::int64_t expirations = 0;
  std::int64_t load_failures = 0;
  std::uint64_t memory_bytes = 0, reserved_bytes = 0, leaked_bytes = 0;  // now
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Which queues and actors there are here; messages of any other are counted as of "unknown".
  void know(std::span<const std::string> queues, std::span<const std::string> actors);

  // Inference: ml_inference_total, ml_inference_errors_total, ml_inference_duration_seconds{model,operation}.
  void inference(std::string_view model, std::string_view operation, bool succeeded, double seconds);
  void update_queue_size(std::string_view model, double waiting);  // ml_inference_queue_size{model}
  // ml_model_memory_usage_bytes{model}, and when it was measured medsynth_model_measured_bytes{model}; 0
  // bytes: it has left
  void update_model_memory_usage(std::string_view model, double bytes, double measured = 0);

  // Messages: Dramatiq's own names, labels queue_name (as the message has it) and actor_name.
  void message_started(std::string_view queue, std::string_view actor);  // dramatiq_messages_inprogress up
  void message_ended(std::string_view queue, std::string_view actor, bool failed,
                     double milliseconds);  // and down
  void message_skipped(std::string_view queue,
                       std::string_view actor);  // settled unrun: dramatiq_messages_total
  void message_retried(std::string_view queue, std::string_view actor);   // once per retry
  void message_rejected(std::string_view queue, std::string_view actor);  // to the dead letters
  // medsynth_task_queue_wait_seconds: from enqueueing to its first start
  void message_waited(std::string_view queue, std::string_view actor, double seconds);

  // Limits and models. Totals since the process started: calling again with the same number changes nothing.
  void limiter_wait_total(std::string_view reason,
                          double seconds);  // medsynth_limiter_wait_seconds_total{reason}
  void limiter_waits_total(std::string_view reason,
                           std::int64_t count);                       // medsynth_limiter_waits_total{reason}
  void limiter_waiting(std::string_view reason, std::int64_t count);  // medsynth_limiter_waiting{reason}
  void limiter_gate(std::string_view gate, bool closed);              // medsynth_limiter_gate_closed{gate}
  // medsynth_pressure_ratio{resource}; no series while it is unknown
  void pressure(std::string_view resource, std::optional<double> percent);
  void model_cache(const CacheTotals& totals);                // medsynth_model_cache_*
  void model_loaded(std::string_view model, double seconds);  // medsynth_model_load_seconds{model}
  // medsynth_model_unload_seconds{model}, medsynth_model_age_at_eviction_seconds{reason} and
  // medsynth_model_unloads_total{reason}; `age` is since it had been loaded
  void model_unloaded(std::string_view model, std::string_view reason, double seconds, double age);
  void lost_leases_total(std::int64_t count);  // medsynth_lost_leases_total

  // medsynth_wait_estimates_total{outcome}: tasks of which an estimate was shown have started: hit, early, late
  void wait_estimate(std::string_view outcome);

  // HTTP: medsynth_http_request_duration_seconds{method,route,status}. `route` is a pattern, never a path.
  void http_request(std::string_view method, std::string_view route, int status, double seconds);

  // What a key costs, by its name: medsynth_key_requests_total{key,outcome} (answered, refused),
  // medsynth_key_request_seconds_total{key}, medsynth_key_bytes_total{key} (bodies and answers)
  void key_request(std::string_view key, bool refused, double seconds, double bytes);
  void audit_lost_total(std::int64_t count);  // medsynth_audit_entries_lost_total

  // Everything that was counted so far, ordered by name.
  std::vector<Sample> samples() const;
  // Own metrics and `imported` ones as Prometheus text 0.0.4. Series of one name become one family; an
  // imported sample whose name or labels are not valid, or whose kind differs from the family's, is left out.
  std::string render(std::span<const Sample> imported = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// 32 hexadecimal digits, random: a W3C trace id.
std::string new_trace_id();

// One model operation, for people and log pipelines. Never a claim's text: `error` and `metadata` are the
// caller's care.
struct MlEvent {
  std::string_view model;
  std::string_view operation;
  bool succeeded = true;
  double duration = 0;  // seconds
  std::string_view error = "";
  json::object metadata = {};  // trace_id, task_id, scores, counts
};
// "ml event" at info, at warning when it failed.
void log_ml_event(const MlEvent& event);

}  // namespace medsynth::telemetry
