#include "medsynth/telemetry/telemetry.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/telemetry/label.h"

namespace medsynth::telemetry {
namespace {

const Sample* find(const std::vector<Sample>& samples, std::string_view name) {
  const auto found =
      std::find_if(samples.begin(), samples.end(), [&](const Sample& each) { return each.name == name; });
  return found == samples.end() ? nullptr : &*found;
}

bool has_line(const std::string& page, const std::string& line) {
  return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

// One inference that failed: it counts as an inference and as an error, with its duration.
TEST(Metrics, InferenceCountsErrorsAndDuration) {
  Metrics metrics;
  metrics.inference("biomedlm", "detect_contradiction", true, 0.5);
  metrics.inference("biomedlm", "detect_contradiction", false, 2);
  const std::string page = metrics.render();
  const std::string labels = R"({model="biomedlm",operation="detect_contradiction"})";
  EXPECT_TRUE(has_line(page, "ml_inference_total" + labels + " 2")) << page;
  EXPECT_TRUE(has_line(page, "ml_inference_errors_total" + labels + " 1")) << page;
  EXPECT_TRUE(has_line(page, "ml_inference_duration_seconds_sum" + labels + " 2.5")) << page;
}

// Dramatiq's dashboards rely on names, labels and buckets.
TEST(Metrics, MessagesHaveDramatiqsNamesAndBuckets) {
  Metrics metrics;
  metrics.message_started("medsynth", "detect_contradiction");
  metrics.message_ended("medsynth", "detect_contradiction", true, 42);
  const auto samples = metrics.samples();
  const Sample* duration = find(samples, "dramatiq_message_duration_milliseconds");
  ASSERT_TRUE(duration);
  EXPECT_EQ(duration->bounds.front(), 5);
  EXPECT_EQ(duration->bounds.back(), 900000);
  ASSERT_EQ(duration->counts.size(), 19u);
  EXPECT_EQ(duration->counts[2], 0);   // 25 ms
  EXPECT_EQ(duration->counts[3], 1);   // 50 ms
  EXPECT_EQ(duration->counts[18], 1);  // +Inf
  EXPECT_EQ(duration->labels, (std::map<std::string, std::string>{{"queue_name", "medsynth"},
                                                                  {"actor_name", "detect_contradiction"}}));
  EXPECT_EQ(find(samples, "dramatiq_messages_inprogress")->value, 0);
  EXPECT_EQ(find(samples, "dramatiq_message_errors_total")->value, 1);
}

// A model that has left takes no memory, whether it was measured or not; one that was never measured shows no
// measurement.
TEST(Metrics, AModelThatLeftTakesNoMemory) {
  Metrics metrics;
  metrics.update_model_memory_usage("m", 500);
  EXPECT_FALSE(find(metrics.samples(), "medsynth_model_measured_bytes"));
  metrics.update_model_memory_usage("m", 500, 450);
  EXPECT_EQ(find(metrics.samples(), "medsynth_model_measured_bytes")->value, 450);
  metrics.update_model_memory_usage("m", 0);
  EXPECT_EQ(find(metrics.samples(), "medsynth_model_measured_bytes")->value, 0);
  EXPECT_EQ(find(metrics.samples(), "ml_model_memory_usage_bytes")->value, 0);
}

// How long messages lay in their queue, and how many were lost to somebody else.
TEST(Metrics, ShowWaitsAndLosses) {
  Metrics metrics;
  metrics.message_waited("medsynth", "a", 2);
  metrics.lost_leases_total(3);
  metrics.lost_leases_total(3);
  const auto samples = metrics.samples();
  EXPECT_EQ(find(samples, "medsynth_task_queue_wait_seconds")->value, 2);
  EXPECT_EQ(find(samples, "medsynth_lost_leases_total")->value, 3);
}

// Totals that others count are told again and again: the counter follows and never goes back.
TEST(Metrics, TotalsAreFollowedAndNeverGoBack) {
  Metrics metrics;
  metrics.limiter_wait_total("slots", 1.5);
  metrics.limiter_wait_total("slots", 4);
  metrics.limiter_wait_total("slots", 4);
  metrics.limiter_wait_total("slots", 1);
  EXPECT_EQ(find(metrics.samples(), "medsynth_limiter_wait_seconds_total")->value, 4);
  metrics.model_cache({.size = 2, .hits = 7, .misses = 3});
  EXPECT_EQ(find(metrics.samples(), "medsynth_model_cache_hits_total")->value, 7);
  EXPECT_EQ(find(metrics.samples(), "medsynth_model_cache_models")->value, 2);
}

// Where admission stands: totals are followed, what is now replaces what was.
TEST(Metrics, ShowAdmission) {
  Metrics metrics;
  metrics.limiter_waits_total("slots", 3);
  metrics.limiter_waits_total("slots", 2);
  metrics.limiter_waiting("slots", 2);
  metrics.limiter_waiting("slots", 1);
  metrics.limiter_gate("cpu", true);
  metrics.pressure("memory", 12.5);
  const auto samples = metrics.samples();
  EXPECT_EQ(find(samples, "medsynth_limiter_waits_total")->value, 3);
  EXPECT_EQ(find(samples, "medsynth_limiter_waiting")->value, 1);
  EXPECT_EQ(find(samples, "medsynth_limiter_gate_closed")->value, 1);
  EXPECT_EQ(find(samples, "medsynth_pressure_ratio")->value, 0.125);
}

// A model that left: why, at what age, and how long its memory took to come back.
TEST(Metrics, UnloadsAreByReason) {
  Metrics metrics;
  metrics.model_unloaded("m", "evicted", 0.02, 30);
  metrics.model_unloaded("m", "expired", 0.02, 4000);
  metrics.model_cache({.memory_bytes = 9, .reserved_bytes = 4, .leaked_bytes = 2});
  const std::string page = metrics.render();
  EXPECT_TRUE(has_line(page, R"(medsynth_model_unloads_total{reason="evicted"} 1)")) << page;
  EXPECT_TRUE(has_line(page, R"(medsynth_model_age_at_eviction_seconds_sum{reason="expired"} 4000)")) << page;
  EXPECT_TRUE(has_line(page, R"(medsynth_model_unload_seconds_count{model="m"} 2)")) << page;
  EXPECT_TRUE(has_line(page, "medsynth_model_cache_leaked_bytes 2")) << page;
}

// The worker's samples travel as JSON and are rendered by the server beside its own series of the same
// family, once.
TEST(Metrics, ImportedSamplesJoinTheirFamily) {
  Metrics worker;
  worker.inference("m", "o", true, 0.02);
  std::vector<Sample> imported;
  for (Sample& sample : worker.samples()) {
    auto copy = described::parse<Sample>(described::write(sample));
    ASSERT_TRUE(copy);
    copy->labels["worker"] = "host/1";
    imported.push_back(std::move(*copy));
  }
  Metrics server;
  server.inference("n", "o", true, 1);
  const std::string page = server.render(imported);
  EXPECT_TRUE(has_line(page, R"(ml_inference_total{model="m",operation="o",worker="host/1"} 1)")) << page;
  EXPECT_TRUE(has_line(
      page, R"(ml_inference_duration_seconds_bucket{model="m",operation="o",worker="host/1",le="0.02"} 1)"))
      << page;
  const std::string type = "# TYPE ml_inference_total counter";
  EXPECT_EQ(page.find(type), page.rfind(type));
  EXPECT_NE(page.find(type), std::string::npos);
}

// A snapshot from elsewhere cannot break the page: wrong names, kinds and shapes are left out.
TEST(Metrics, ImportedSamplesThatDoNotFitAreLeftOut) {
  Metrics server;
  server.inference("n", "o", true, 1);
  const std::vector<Sample> imported{
      {.name = "evil\nname 1", .kind = "gauge"},
      {.name = "ml_inference_total", .kind = "gauge", .labels = {{"worker", "w"}}},
      {.name = "unknown_kind", .kind = "summary"},
      {.name = "bad_label", .kind = "gauge", .labels = {{"a b", "c"}}},
      {.name = "short_histogram", .kind = "histogram", .bounds = {1, 2}, .counts = {1}},
      {.name = "good", .kind = "gauge", .labels = {{"text", "a\"\n"}}, .value = 3}};
  const std::string page = server.render(imported);
  EXPECT_EQ(page.find("evil"), std::string::npos);
  EXPECT_EQ(page.find("worker="), std::string::npos);
  EXPECT_EQ(page.find("unknown_kind"), std::string::npos);
  EXPECT_EQ(page.find("bad_label"), std::string::npos);
  EXPECT_EQ(page.find("short_histogram"), std::string::npos);
  EXPECT_TRUE(has_line(page, R"(good{text="a\"\n"} 3)")) << page;
}

TEST(Metrics, HttpRequestsAreBySeries) {
  Metrics metrics;
  for (int i = 0; i < 3; ++i) metrics.http_request("GET", "/v1/tasks/{task_id}", 200, 0.001);
  metrics.http_request("GET", "/v1/tasks/{task_id}", 404, 0.001);
  const std::string page = metrics.render();
  EXPECT_TRUE(has_line(
      page,
      R"(medsynth_http_request_duration_seconds_count{method="GET",route="/v1/tasks/{task_id}",status="200"} 3)"))
      << page;
  EXPECT_TRUE(has_line(
      page,
      R"(medsynth_http_request_duration_seconds_count{method="GET",route="/v1/tasks/{task_id}",status="404"} 1)"));
}

TEST(TraceId, IsThirtyTwoHexDigitsAndFresh) {
  const std::string id = new_trace_id();
  EXPECT_EQ(id.size(), 32u);
  EXPECT_TRUE(std::all_of(id.begin(), id.end(), [](unsigned char c) { return std::isxdigit(c); }));
  EXPECT_NE(id, new_trace_id());
}

// Callers send messages for actors and queues of any name: they make no series each, nor one of any length.
TEST(Metrics, NamesThatNobodyRegisteredShareOneSeries) {
  Metrics metrics;
  metrics.know(std::vector<std::string>{"medsynth", "medsynth.DQ"}, std::vector<std::string>{"detect"});
  metrics.message_started("medsynth", "detect");
  const std::size_t before = metrics.samples().size();
  for (int i = 0; i < 500; ++i) {
    const std::string name = std::string(1000, 'x') + std::to_string(i);
    metrics.message_started(name, name);
    metrics.message_ended(name, name, true, 1);
    metrics.message_skipped("medsynth", name);
    metrics.message_retried(name, "detect");
    metrics.message_rejected("medsynth", name);
    metrics.message_waited("medsynth", name, 1);
  }
  const std::string page = metrics.render();
  EXPECT_LT(metrics.samples().size(), before + 20);
  EXPECT_EQ(page.find("xxxx"), std::string::npos);
  EXPECT_TRUE(has_line(page, R"(dramatiq_messages_total{actor_name="unknown",queue_name="medsynth"} 500)"))
      << page;
  EXPECT_TRUE(has_line(page, R"(dramatiq_messages_inprogress{actor_name="detect",queue_name="medsynth"} 1)"));
}

// One that is too long is unknown each time, to whomever it belongs; what was known before stays known.
TEST(Label, LongNamesAreUnknownWhoeverSaysThem) {
  const std::string longest(Label::kMaxLength, 'x'), too_long(Label::kMaxLength + 1, 'x');
  Label label;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(label.of(too_long), Label::kUnknown);
  EXPECT_EQ(label.of("before"), "before");
  for (int i = 0; i < 2; ++i) {
    label.know(std::vector{too_long, longest});
    EXPECT_EQ(label.of(too_long), Label::kUnknown);
    EXPECT_EQ(label.of(longest), longest);
    EXPECT_EQ(label.of("before"), "before");
    EXPECT_EQ(label.of("after"), Label::kUnknown);
  }
}

// Where nobody says which names there are, their number and length are bounded all the same.
TEST(Metrics, ModelsAreBounded) {
  Metrics metrics;
  for (int i = 0; i < 1000; ++i) metrics.inference("m" + std::to_string(i), "detect", true, 1);
  metrics.inference(std::string(5000, 'x'), "detect", true, 1);
  EXPECT_EQ(metrics.samples().size(), 3 * (Label::kMaxValues + 1) + 1) << "and the build";
  EXPECT_EQ(metrics.render().find("xxxx"), std::string::npos);
}

// Pressure that is not told any more is no series, not the last one.
// What a key costs, by its name; many keys do not make many series.
TEST(Metrics, ShowWhatKeysCost) {
  Metrics metrics;
  metrics.key_request("ci", false, .5, 100);
  metrics.key_request("ci", false, .25, 50);
  metrics.key_request("ci", true, 0, 10);
  metrics.audit_lost_total(7);
  std::string page = metrics.render();
  EXPECT_TRUE(has_line(page, R"(medsynth_key_requests_total{key="ci",outcome="answered"} 2)")) << page;
  EXPECT_TRUE(has_line(page, R"(medsynth_key_requests_total{key="ci",outcome="refused"} 1)"));
  EXPECT_TRUE(has_line(page, R"(medsynth_key_request_seconds_total{key="ci"} 0.75)"));
  EXPECT_TRUE(has_line(page, R"(medsynth_key_bytes_total{key="ci"} 160)"));
  EXPECT_TRUE(has_line(page, "medsynth_audit_entries_lost_total 7"));
  for (int i = 0; i < 500; ++i) metrics.key_request("key-" + std::to_string(i), false, 0, 1);
  page = metrics.render();
  EXPECT_NE(page.find(R"(medsynth_key_bytes_total{key="unknown"})"), std::string::npos);
  EXPECT_EQ(page.find("key-499"), std::string::npos);
}

TEST(Metrics, PressureThatIsUnknownIsAbsent) {
  Metrics metrics;
  metrics.pressure("cpu", 50);
  EXPECT_EQ(find(metrics.samples(), "medsynth_pressure_ratio")->value, 0.5);
  metrics.pressure("cpu", std::nullopt);
  EXPECT_FALSE(find(metrics.samples(), "medsynth_pressure_ratio"));
  metrics.pressure("cpu", 25);
  EXPECT_EQ(find(metrics.samples(), "medsynth_pressure_ratio")->value, 0.25);
}

}  // namespace
}  // namespace medsynth::telemetry
