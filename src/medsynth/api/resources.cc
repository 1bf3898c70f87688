// /v1/resources
#include <unistd.h>

#include "medsynth/api/body.h"
#include "medsynth/api/confirm.h"
#include "medsynth/api/fleet_view.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/limits_forecast.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/payloads.h"
#include "medsynth/api/queue_view.h"
#include "medsynth/api/url.h"
#include "medsynth/api/waits.h"
#include "medsynth/limits/overlay.h"

namespace medsynth::api {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kSampleAge{250};

std::string host_name(const App& app) {
  if (!app.options.host.empty()) return app.options.host;
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

// Nobody works here: what the server measures itself, against the limits a worker would start with.
HostUsage measured(App& app, const limits::Limits& limits, bool set_through_api) {
  const limits::Sample& sample = app.sample();
  HostUsage host{{}, host_name(app), {}, set_through_api ? "api" : "environment", {}};
  host.cpu_percent = sample.cpu_percent;
  host.memory_percent = sample.memory_percent;
  host.gpu_percent = sample.gpu_percent;
  copy_limits(limits, host);
  return host;
}

struct State {
  std::vector<fleet::Snapshot> snapshots;
  std::map<std::string, double> set;  // limits set through the API
  limits::Limits limits;
};

asio::awaitable<Result<State>> read_state(App& app) {
  // Requests are not asked for: only the limits are of interest.
  BOOST_OUTCOME_CO_TRY(auto control, co_await co_run(app, app.services.fleet.control(INT64_MAX)));
  BOOST_OUTCOME_CO_TRY(auto snapshots, co_await co_run(app, app.services.fleet.snapshots()));
  State state{std::move(snapshots), limits::overlay({}, control.limits).used, {}};
  state.limits = limits_in_force(state.snapshots, state.set, app.options.limits);
  co_return state;
}

asio::awaitable<Result<Response>> usage(App& app, const Request&) {
  BOOST_OUTCOME_CO_TRY(const auto now, co_await usage_now(app));
  co_return answer(now);
}

asio::awaitable<Result<Response>> show_limits(App& app, const Request&) {
  BOOST_OUTCOME_CO_TRY(auto state, co_await read_state(app));
  LimitsShown shown{{state.limits}, {}};
  described::for_each_member<limits::Limits>([&](std::string_view name, auto member) {
    const auto own = app.options.limits_origin.find(name);
    const bool is_own = state.limits.*member == app.options.limits.*member;
    shown.origin[std::string(name)] = state.set.contains(std::string(name))              ? "api"
                                      : is_own && own != app.options.limits_origin.end() ? own->second
                                                                                         : "environment";
  });
  co_return answer(shown);
}

// By name. A change of nothing is a mistake.
Result<std::map<std::string, double>> changed_by(const LimitsChange& change) {
  std::map<std::string, double> changed;
  described::for_each_member<LimitsChange>([&](std::string_view name, auto member) {
    if (change.*member) changed[std::string(name)] = static_cast<double>(*(change.*member));
  });
  if (!changed.empty()) return changed;
  return invalid("",
                 "must have at least one of max_cpu_percent, max_memory_percent, max_gpu_percent, "
                 "max_concurrent_tasks");
}

// What a change would do, before it is made.
asio::awaitable<Result<Response>> show_forecast(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(const auto change, parse_query<LimitsChange>(request.query));
  BOOST_OUTCOME_CO_TRY(changed_by(change));
  BOOST_OUTCOME_CO_TRY(const auto facts, co_await waiting_facts(app));
  BOOST_OUTCOME_CO_TRY(auto names, co_await known_queues(app));
  BOOST_OUTCOME_CO_TRY(const auto queues, co_await queue_infos(app, std::move(names)));
  std::map<std::string, std::int64_t> ready;
  for (const QueueInfo& queue : queues) ready[queue.name] = queue.ready;
  co_return answer(forecast_limits(*facts, ready, change));
}

// The change is stored; waits for the workers and says what is in force now.
asio::awaitable<Result<Response>> confirmed_limits(App& app, std::int64_t version,
                                                   std::vector<std::string> workers, std::string message) {
  const Confirmed confirmed = co_await wait_for_workers(app, version, std::move(workers));
  BOOST_OUTCOME_CO_TRY(auto state, co_await read_state(app));
  if (!confirmed.silent.empty())
    message += " Some workers did not confirm in time; they follow as soon as they can.";
  co_return answer(LimitsAnswer{.message = std::move(message),
                                .data = {{state.limits}, confirmed.confirmed_by, confirmed.silent}});
}

asio::awaitable<Result<Response>> change_limits(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto change, parse_body<LimitsChange>(request.body));
  BOOST_OUTCOME_CO_TRY(const auto changed, changed_by(change));
  BOOST_OUTCOME_CO_TRY(auto before, co_await co_run(app, app.services.fleet.snapshots()));
  BOOST_OUTCOME_CO_TRY(auto version, co_await co_run(app, app.services.fleet.set_limits(changed)));
  co_return co_await confirmed_limits(app, version, ids_of(before),
                                      "The limits are changed and are kept until they are reset.");
}

asio::awaitable<Result<Response>> reset_limits(App& app, const Request&) {
  BOOST_OUTCOME_CO_TRY(auto before, co_await co_run(app, app.services.fleet.snapshots()));
  BOOST_OUTCOME_CO_TRY(auto version, co_await co_run(app, app.services.fleet.reset_limits()));
  co_return co_await confirmed_limits(app, version, ids_of(before),
                                      "The limits are each worker's own again.");
}

asio::awaitable<Result<Response>> system_info(App& app, const Request&) {
  co_return answer(app.services.sensors.system());
}

}  // namespace

asio::awaitable<Result<UsageAnswer>> usage_now(App& app) {
  BOOST_OUTCOME_CO_TRY(auto state, co_await read_state(app));
  std::vector<HostUsage> hosts = hosts_of(state.snapshots);
  if (hosts.empty()) hosts.push_back(measured(app, state.limits, !state.set.empty()));
  co_return usage_of(std::move(hosts), state.limits);
}

const limits::Sample& App::sample() {
  const SteadyTime now = services.clock.steady();
  if (!sample_ || now - sampled_at_ >= kSampleAge) {
    sample_ = services.sensors.sample();
    sampled_at_ = now;
  }
  return *sample_;
}

std::vector<Route> resource_routes() {
  return {
      {.method = Method::get,
       .pattern = "/v1/resources/usage",
       .handler = usage,
       .access = Scope::read,
       .name = "resource_usage",
       .group = "resources",
       .summary = "Use and limits: tasks of all machines, the highest percents, and each machine",
       .answer = payload<UsageAnswer>("Usage")},
      {.method = Method::get,
       .pattern = "/v1/resources/limits",
       .handler = show_limits,
       .access = Scope::read,
       .name = "show_limits",
       .group = "resources",
       .summary = "The limits, per machine, and where each comes from",
       .answer = payload<LimitsShown>("Limits")},
      {.method = Method::get,
       .pattern = "/v1/resources/limits/forecast",
       .handler = show_forecast,
       .access = Scope::read,
       .name = "forecast_limits",
       .group = "resources",
       .summary = "How many tasks that wait would start if these limits held",
       .query = payload<LimitsChange>("LimitsChange"),
       .answer = payload<LimitsForecast>("LimitsForecast")},
      {.method = Method::put,
       .pattern = "/v1/resources/limits",
       .handler = change_limits,
       .access = Scope::admin,
       .name = "change_limits",
       .group = "resources",
       .summary = "Changes any of the limits; kept over restarts; answers which workers confirmed",
       .body = payload<LimitsChange>("LimitsChange"),
       .answer = payload<LimitsAnswer>("LimitsAnswer")},
      {.method = Method::delete_,
       .pattern = "/v1/resources/limits",
       .handler = reset_limits,
       .access = Scope::admin,
       .name = "reset_limits",
       .group = "resources",
       .summary = "Back to each worker's own limits",
       .answer = payload<LimitsAnswer>("LimitsAnswer")},
      {.method = Method::get,
       .pattern = "/v1/resources/system",
       .handler = system_info,
       .access = Scope::read,
       .name = "system_info",
       .group = "resources",
       .summary = "CPUs, memory, disk and GPUs of the server's machine",
       .answer = payload<limits::SystemInfo>("SystemInfo")},
  };
}

}  // namespace medsynth::api
