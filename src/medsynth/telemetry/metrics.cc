#include <algorithm>
#include <mutex>
#include <tuple>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "medsynth/telemetry/label.h"
#include "medsynth/telemetry/registry.h"
#include "medsynth/telemetry/telemetry.h"

namespace medsynth::telemetry {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Labels;
using Buckets = prometheus::Histogram::BucketBoundaries;
using Counters = prometheus::Family<prometheus::Counter>;
using Gauges = prometheus::Family<prometheus::Gauge>;
using Histograms = prometheus::Family<prometheus::Histogram>;

// OpenTelemetry's advice for HTTP and messaging.
const Buckets kHttpBuckets{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10};
// OpenTelemetry's for generative models, doubling, continued to the ten minutes that an actor may wait.
const Buckets kModelBuckets{.01,  .02,   .04,   .08,   .16,   .32,    .64,    1.28,  2.56,
                            5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36};
// From a model that was pushed out at once to one that stayed for a day.
const Buckets kAgeBuckets{1, 5, 15, 60, 300, 900, 3600, 14400, 86400};
// Dramatiq's own, in milliseconds: dashboards rely on them.
const Buckets kMessageBuckets{5,    10,   25,   50,   75,    100,   250,   500,    750,
                              1000, 2500, 5000, 7500, 10000, 30000, 60000, 600000, 900000};

// A counter that somebody else counts.
void raise_to(prometheus::Counter& counter, double total) {
  if (total > counter.Value()) counter.Increment(total - counter.Value());
}

}  // namespace

struct Metrics::Impl {
  Counters& counters(const char* name, const char* help) {
    return BuildCounter().Name(name).Help(help).Register(registry);
  }
  Gauges& gauges(const char* name, const char* help) {
    return BuildGauge().Name(name).Help(help).Register(registry);
  }
  Histograms& histograms(const char* name, const char* help) {
    return BuildHistogram().Name(name).Help(help).Register(registry);
  }

  Labels message_labels(std::string_view queue, std::string_view actor) {
    return {{"queue_name", queues.of(queue)}, {"actor_name", actors.of(actor)}};
  }
  Labels model_labels(std::string_view model) { return {{"model", models.of(model)}}; }

  Label queues, actors, models, keys;
  prometheus::Registry registry;
  Counters& inferences = counters("ml_inference_total", "Inferences");
  Counters& inference_errors = counters("ml_inference_errors_total", "Inferences that failed");
  Histograms& inference_seconds = histograms("ml_inference_duration_seconds", "Duration of inferences");
  Gauges& queue_size = gauges("ml_inference_queue_size", "Tasks that wait for a model");
  Gauges& model_memory = gauges("ml_model_memory_usage_bytes", "Memory of loaded models");

  Counters& messages = counters("dramatiq_messages_total", "Messages processed or skipped");
  Counters& message_errors = counters("dramatiq_message_errors_total", "Messages whose processing failed");
  Counters& message_retries = counters("dramatiq_message_retries_total", "Retries of messages");
  Counters& message_rejects =
      counters("dramatiq_message_rejects_total", "Messages moved to the dead letters");
  Gauges& messages_inprogress = gauges("dramatiq_messages_inprogress", "Messages being processed");
  Histograms& message_milliseconds =
      histograms("dramatiq_message_duration_milliseconds", "Time spent processing messages");
  Histograms& queue_wait = histograms("medsynth_task_queue_wait_seconds",
                                      "Time from enqueueing to the first start of a message, with its delay");

  Counters& limiter_wait =
      counters("medsynth_limiter_wait_seconds_total", "Time that tasks waited for resources");
  Counters& limiter_waits = counters("medsynth_limiter_waits_total", "Tasks that had to wait for a resource");
  Gauges& limiter_waiting = gauges("medsynth_limiter_waiting", "Tasks that wait for a resource now");
  Gauges& limiter_gates =
      gauges("medsynth_limiter_gate_closed", "1 while a gate lets no task in, whatever it needs");
  Gauges& pressures =
      gauges("medsynth_pressure_ratio", "Part of the last 10 s in which tasks stood still for a resource");
  Gauges& cache_size = gauges("medsynth_model_cache_models", "Models in the cache");
  Counters& cache_hits = counters("medsynth_model_cache_hits_total", "Uses of a model that was loaded");
  Counters& cache_misses =
      counters("medsynth_model_cache_misses_total", "Uses of a model that had to be loaded");
  Counters& cache_coalesced =
      counters("medsynth_model_cache_coalesced_total", "Uses that joined a load under way");
  Counters& cache_evictions = counters("medsynth_model_cache_evictions_total", "Models removed to make room");
  Counters& cache_expirations =
      counters("medsynth_model_cache_expirations_total", "Models removed after their time to live");
  Counters& cache_failures = counters("medsynth_model_cache_load_failures_total", "Loads that failed");
  Gauges& cache_bytes =
      gauges("medsynth_model_cache_bytes", "Memory of models in memory, loading, or leaving");
  Gauges& cache_reserved =
      gauges("medsynth_model_cache_reserved_bytes", "Memory set aside for loads and models that wait");
  Gauges& cache_leaked =
      gauges("medsynth_model_cache_leaked_bytes", "Memory that did not come back after unloading");
  Gauges& measured_memory = gauges("medsynth_model_measured_bytes", "Measured memory of loaded models");
  Histograms& load_seconds = histograms("medsynth_model_load_seconds", "Duration of model loads");
  Histograms& unload_seconds =
      histograms("medsynth_model_unload_seconds", "Time until an unloaded model's memory was back");
  Histograms& eviction_age =
      histograms("medsynth_model_age_at_eviction_seconds", "Time between a model's load and its end");
  Counters& unloads = counters("medsynth_model_unloads_total", "Models that left memory, by reason");
  Counters& lost_leases =
      counters("medsynth_lost_leases_total", "Messages that were recovered by somebody else while they ran");
  Counters& wait_estimates =
      counters("medsynth_wait_estimates_total",
               "Tasks that started within the time that was shown, before or after it");
  Histograms& http_seconds =
      histograms("medsynth_http_request_duration_seconds", "Duration of HTTP requests");

  Counters& key_requests =
      counters("medsynth_key_requests_total", "Requests with a key, by what became of them");
  Counters& key_seconds =
      counters("medsynth_key_request_seconds_total", "Time that requests with a key were under way");
  Counters& key_bytes =
      counters("medsynth_key_bytes_total", "Bytes of the bodies and answers of requests with a key");
  Counters& audit_lost =
      counters("medsynth_audit_entries_lost_total", "Refusals that the audit log does not have");

  struct MessageSeries {
    prometheus::Gauge& inprogress;
    prometheus::Counter& messages;
    prometheus::Counter& errors;  // there from the start, so that a rate of errors can be asked for
    prometheus::Histogram& milliseconds;
    prometheus::Histogram& waited;
  };
  const MessageSeries& message_series(std::string_view queue, std::string_view actor) {
    const Labels labels = message_labels(queue, actor);
    const auto& [queue_label, actor_label] = std::tie(labels.at("queue_name"), labels.at("actor_name"));
    const std::lock_guard lock(series_mutex);
    const auto found = messages_by_label.find(std::tie(queue_label, actor_label));
    if (found != messages_by_label.end()) return found->second;
    const MessageSeries series{messages_inprogress.Add(labels), messages.Add(labels),
                               message_errors.Add(labels), message_milliseconds.Add(labels, kMessageBuckets),
                               queue_wait.Add(labels, kModelBuckets)};
    return messages_by_label.emplace(std::tuple(queue_label, actor_label), series).first->second;
  }

  struct KeySeries {
    prometheus::Counter &answered, &refused, &seconds, &bytes;
  };
  const KeySeries& key_series(std::string_view name) {
    const std::string key = keys.of(name);
    const std::lock_guard lock(series_mutex);
    const auto found = keys_by_label.find(key);
    if (found != keys_by_label.end()) return found->second;
    const KeySeries series{key_requests.Add({{"key", key}, {"outcome", "answered"}}),
                           key_requests.Add({{"key", key}, {"outcome", "refused"}}),
                           key_seconds.Add({{"key", key}}), key_bytes.Add({{"key", key}})};
    return keys_by_label.emplace(key, series).first->second;
  }

  // Looking a label set up in its family costs a map and a hash: too much for each message and each request.
  std::mutex series_mutex;
  std::map<std::tuple<std::string, std::string>, MessageSeries, std::less<>> messages_by_label;
  std::map<std::tuple<std::string, std::string, int>, prometheus::Histogram*, std::less<>> http_series;
  std::map<std::string, KeySeries> keys_by_label;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {
  BuildGauge()
      .Name("medsynth_build_info")
      .Help("Version of this program")
      .Register(impl_->registry)
      .Add({{"version", MEDSYNTH_VERSION}})
      .Set(1);
}
Metrics::~Metrics() = default;

void Metrics::know(std::span<const std::string> queues, std::span<const std::string> actors) {
  impl_->queues.know(queues);
  impl_->actors.know(actors);
}

void Metrics::inference(std::string_view model, std::string_view operation, bool succeeded, double seconds) {
  const Labels labels{{"model", impl_->models.of(model)}, {"operation", std::string(operation)}};
  impl_->inferences.Add(labels).Increment();
  auto& errors =
      impl_->inference_errors.Add(labels);  // there from the start, so that a rate of errors can be asked for
  if (!succeeded) errors.Increment();
  impl_->inference_seconds.Add(labels, kModelBuckets).Observe(seconds);
}

void Metrics::update_queue_size(std::string_view model, double waiting) {
  impl_->queue_size.Add(impl_->model_labels(model)).Set(waiting);
}

void Metrics::update_model_memory_usage(std::string_view model, double bytes, double measured) {
  impl_->model_memory.Add(impl_->model_labels(model)).Set(bytes);
  // One that was never measured has no such series; one that has left has not got it any more.
  if (measured > 0 || bytes == 0) impl_->measured_memory.Add(impl_->model_labels(model)).Set(measured);
}

void Metrics::message_started(std::string_view queue, std::string_view actor) {
  impl_->message_series(queue, actor).inprogress.Increment();
}

void Metrics::message_ended(std::string_view queue, std::string_view actor, bool failed,
                            double milliseconds) {
  const auto& series = impl_->message_series(queue, actor);
  series.inprogress.Decrement();
  series.messages.Increment();
  if (failed) series.errors.Increment();
  series.milliseconds.Observe(milliseconds);
}

void Metrics::message_skipped(std::string_view queue, std::string_view actor) {
  impl_->messages.Add(impl_->message_labels(queue, actor)).Increment();
}

void Metrics::message_retried(std::string_view queue, std::string_view actor) {
  impl_->message_retries.Add(impl_->message_labels(queue, actor)).Increment();
}

void Metrics::message_rejected(std::string_view queue, std::string_view actor) {
  impl_->message_rejects.Add(impl_->message_labels(queue, actor)).Increment();
}

void Metrics::message_waited(std::string_view queue, std::string_view actor, double seconds) {
  impl_->message_series(queue, actor).waited.Observe(seconds);
}

void Metrics::limiter_wait_total(std::string_view reason, double seconds) {
  raise_to(impl_->limiter_wait.Add({{"reason", std::string(reason)}}), seconds);
}

void Metrics::limiter_waits_total(std::string_view reason, std::int64_t count) {
  raise_to(impl_->limiter_waits.Add({{"reason", std::string(reason)}}), static_cast<double>(count));
}

void Metrics::limiter_waiting(std::string_view reason, std::int64_t count) {
  impl_->limiter_waiting.Add({{"reason", std::string(reason)}}).Set(static_cast<double>(count));
}

void Metrics::limiter_gate(std::string_view gate, bool closed) {
  impl_->limiter_gates.Add({{"gate", std::string(gate)}}).Set(closed ? 1 : 0);
}

void Metrics::pressure(std::string_view resource, std::optional<double> percent) {
  const Labels labels{{"resource", std::string(resource)}};
  auto& gauge = impl_->pressures.Add(labels);
  if (percent) return gauge.Set(*percent / 100);
  impl_->pressures.Remove(&gauge);
}

void Metrics::model_cache(const CacheTotals& totals) {
  impl_->cache_size.Add({}).Set(static_cast<double>(totals.size));
  impl_->cache_bytes.Add({}).Set(static_cast<double>(totals.memory_bytes));
  impl_->cache_reserved.Add({}).Set(static_cast<double>(totals.reserved_bytes));
  impl_->cache_leaked.Add({}).Set(static_cast<double>(totals.leaked_bytes));
  raise_to(impl_->cache_hits.Add({}), static_cast<double>(totals.hits));
  raise_to(impl_->cache_misses.Add({}), static_cast<double>(totals.misses));
  raise_to(impl_->cache_coalesced.Add({}), static_cast<double>(totals.coalesced));
  raise_to(impl_->cache_evictions.Add({}), static_cast<double>(totals.evictions));
  raise_to(impl_->cache_expirations.Add({}), static_cast<double>(totals.expirations));
  raise_to(impl_->cache_failures.Add({}), static_cast<double>(totals.load_failures));
}

void Metrics::model_loaded(std::string_view model, double seconds) {
  impl_->load_seconds.Add(impl_->model_labels(model), kModelBuckets).Observe(seconds);
}

void Metrics::model_unloaded(std::string_view model, std::string_view reason, double seconds, double age) {
  const Labels reasons{{"reason", std::string(reason)}};
  impl_->unload_seconds.Add(impl_->model_labels(model), kModelBuckets).Observe(seconds);
  impl_->eviction_age.Add(reasons, kAgeBuckets).Observe(age);
  impl_->unloads.Add(reasons).Increment();
}

void Metrics::lost_leases_total(std::int64_t count) {
  raise_to(impl_->lost_leases.Add({}), static_cast<double>(count));
}

void Metrics::wait_estimate(std::string_view outcome) {
  impl_->wait_estimates.Add({{"outcome", std::string(outcome)}}).Increment();
}

void Metrics::http_request(std::string_view method, std::string_view route, int status, double seconds) {
  prometheus::Histogram* series = nullptr;
  {
    const std::lock_guard lock(impl_->series_mutex);
    const auto found = impl_->http_series.find(std::tuple(method, route, status));
    if (found != impl_->http_series.end()) series = found->second;
  }
  if (!series) {
    series = &impl_->http_seconds.Add(
        {{"method", std::string(method)}, {"route", std::string(route)}, {"status", std::to_string(status)}},
        kHttpBuckets);
    const std::lock_guard lock(impl_->series_mutex);
    impl_->http_series.emplace(std::tuple(std::string(method), std::string(route), status), series);
  }
  series->Observe(seconds);
}

void Metrics::key_request(std::string_view key, bool refused, double seconds, double bytes) {
  const auto& series = impl_->key_series(key);
  (refused ? series.refused : series.answered).Increment();
  series.seconds.Increment(seconds);
  series.bytes.Increment(bytes);
}

void Metrics::audit_lost_total(std::int64_t count) {
  raise_to(impl_->audit_lost.Add({}), static_cast<double>(count));
}

std::vector<Sample> Metrics::samples() const {
  return to_samples(impl_->registry.Collect());
}

std::string Metrics::render(std::span<const Sample> imported) const {
  auto families = impl_->registry.Collect();
  merge(families, imported);
  return to_text(families);
}

}  // namespace medsynth::telemetry
