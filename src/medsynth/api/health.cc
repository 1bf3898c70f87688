// /livez, /readyz, /healthz, /metrics
#include <algorithm>

#include <fmt/format.h>

#include "medsynth/api/fleet_view.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/payloads.h"
#include "medsynth/api/queue_view.h"
#include "medsynth/api/url.h"
#include "medsynth/api/waits.h"
#include "medsynth/dramatiq/workers.h"
#include "medsynth/telemetry/label.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

constexpr HealthCheck process_check() {
  return {"process", true, "answers"};
}

// Redis, workers, and whether this server is on its way out. Redis is asked to do what a submission and a
// worker's report do: one that only answers, but is full or refuses, is of no use.
asio::awaitable<std::vector<HealthCheck>> dependencies(App& app) {
  std::vector<HealthCheck> checks;
  const auto writes = co_await co_run(app, app.services.fleet.probe());
  checks.push_back(
      {"redis", writes.has_value(), writes ? "answers, and takes writes" : writes.error().message});
  if (app.options.expect_workers) {
    const auto roll = co_await co_run(app, app.services.fleet.roll());
    const auto registered = co_await co_run(app, dramatiq::Workers(app.services.broker).ours());
    checks.push_back(workers_check(roll, registered));
  }
  checks.push_back({"serving", !app.draining, app.draining ? "is stopping" : "takes requests"});
  co_return checks;
}

Result<Response> report(std::vector<HealthCheck> checks, bool verbose) {
  std::string wrong;
  for (const HealthCheck& check : checks)
    if (!check.ok) wrong += fmt::format("{}{}: {}", wrong.empty() ? "" : "; ", check.name, check.detail);
  if (!wrong.empty()) return Error{Code::unavailable, "Not ready: " + wrong, "not_ready"};
  json::object body{{"status", "ok"}};
  if (verbose) body["checks"] = described::to_value(checks);
  return json_response(body);
}

asio::awaitable<Result<Response>> livez(App&, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<HealthQuery>(request.query));
  co_return report({process_check()}, query.verbose.value_or(false));
}

asio::awaitable<Result<Response>> readyz(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<HealthQuery>(request.query));
  co_return report(co_await dependencies(app), query.verbose.value_or(false));
}

asio::awaitable<Result<Response>> healthz(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<HealthQuery>(request.query));
  auto checks = co_await dependencies(app);
  checks.insert(checks.begin(), process_check());
  co_return report(std::move(checks), query.verbose.value_or(false));
}

void add_queue(const QueueInfo& queue, std::vector<telemetry::Sample>& samples) {
  const std::pair<const char*, std::int64_t> states[] = {
      {"ready", queue.ready}, {"delayed", queue.delayed}, {"running", queue.running}, {"dead", queue.dead}};
  for (const auto& [state, count] : states)
    samples.push_back(gauge("medsynth_queue_depth", "Messages of a queue",
                            {{"queue", queue.name}, {"state", state}}, static_cast<double>(count)));
  // Dramatiq's own name. Its workers count what they hold; ours hold none.
  samples.push_back(gauge("dramatiq_delayed_messages_inprogress", "Delayed messages that are not due",
                          {{"queue_name", queue.name}, {"actor_name", ""}},
                          static_cast<double>(queue.delayed)));
  samples.push_back(gauge("medsynth_queue_paused", "1 when Medsynth's workers take nothing from it",
                          {{"queue", queue.name}}, queue.state == "paused" ? 1 : 0));
}

// What its workers hold and do not start is in their medsynth_limiter_waiting.
void add_waiting(const QueueInfo& queue, const std::string& reason, std::vector<telemetry::Sample>& samples) {
  const auto add = [&](const std::string& why, std::int64_t count) {
    if (count > 0)
      samples.push_back(gauge("medsynth_queue_waiting",
                              "Messages of a queue that wait, by what they wait for",
                              {{"queue", queue.name}, {"reason", why}}, static_cast<double>(count)));
  };
  if (!reason.empty()) add(reason, queue.ready);
  add("delayed", queue.delayed);
}

// Anybody may send to a queue of a new name. Those that somebody consumes are shown in any case, of the
// others as many as the bound on labels allows; the rest in one sum.
std::vector<QueueInfo> with_bounded_names(const App& app, std::vector<QueueInfo> infos) {
  telemetry::Label labels;
  const auto& own = app.options.queues;
  std::stable_partition(infos.begin(), infos.end(), [&](const QueueInfo& each) {
    return each.workers > 0 || std::find(own.begin(), own.end(), each.name) != own.end();
  });
  std::vector<QueueInfo> shown;
  QueueInfo rest{.name = std::string(telemetry::Label::kUnknown), .state = "active"};
  for (QueueInfo& each : infos) {
    if (labels.of(each.name) == each.name) {
      shown.push_back(std::move(each));
      continue;
    }
    rest.ready += each.ready;
    rest.delayed += each.delayed;
    rest.running += each.running;
    rest.dead += each.dead;
  }
  if (shown.size() < infos.size()) shown.push_back(std::move(rest));
  return shown;
}

// What Redis knows; nothing when it is away.
asio::awaitable<std::vector<telemetry::Sample>> stored_samples(App& app) {
  std::vector<telemetry::Sample> samples;
  const auto snapshots = co_await co_run(app, app.services.fleet.snapshots());
  samples.push_back(gauge("medsynth_redis_up", "1 when Redis answers", {}, snapshots ? 1 : 0));
  if (!snapshots) co_return samples;
  for (telemetry::Sample& sample : samples_of(*snapshots)) samples.push_back(std::move(sample));
  auto queues = co_await known_queues(app);
  auto infos = queues ? co_await queue_infos(app, std::move(*queues)) : queues.error();
  const auto facts = infos ? co_await waiting_facts(app) : infos.error();
  if (facts) {
    WaitingView waiting(**facts, app.now());
    for (const QueueInfo& queue : with_bounded_names(app, std::move(*infos))) {
      add_queue(queue, samples);
      add_waiting(queue, waiting.reason_of_queue(queue.name), samples);
    }
  }
  const auto counts = co_await co_run(app, app.services.store.counts(app.now()));
  if (!counts) co_return samples;
  for (const auto& [status, count] : *counts)
    samples.push_back(gauge("medsynth_tasks", "Task records by status",
                            {{"status", std::string(described::enum_name(status))}},
                            static_cast<double>(count)));
  co_return samples;
}

asio::awaitable<Result<Response>> metrics(App& app, const Request&) {
  const auto samples = co_await stored_samples(app);
  if (app.audit) app.services.metrics.audit_lost_total(app.audit->lost());
  co_return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                     .body = app.services.metrics.render(samples)};
}

Route health(std::string_view pattern, Handler handler, std::string_view name, std::string_view summary,
             std::vector<int> errors) {
  return {.method = Method::get,
          .pattern = pattern,
          .handler = handler,
          .access = Access::open,
          .name = name,
          .group = "health",
          .summary = summary,
          .query = payload<HealthQuery>("HealthQuery"),
          .answer = payload<Health>("Health"),
          .errors = std::move(errors)};
}

}  // namespace

std::vector<Route> health_routes() {
  return {
      health("/livez", livez, "livez", "Does this process answer?", {}),
      health("/readyz", readyz, "readyz", "Are Redis and a worker there, and is this server not stopping?",
             {503}),
      health("/healthz", healthz, "healthz", "Both", {503}),
      {.method = Method::get,
       .pattern = "/metrics",
       .handler = metrics,
       .access = Access::metrics,
       .name = "metrics",
       .group = "health",
       .summary = "Prometheus text 0.0.4: this process, the workers, queues and tasks",
       .answer_type = "text/plain"},
  };
}

}  // namespace medsynth::api
