// /v1/history
#include <chrono>

#include "medsynth/api/handlers.h"
#include "medsynth/api/history_payloads.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/url.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

asio::awaitable<Result<Response>> history(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(const auto query, parse_query<HistoryQuery>(request.query));
  BOOST_OUTCOME_CO_TRY(const auto steps, co_await co_run(app, app.services.fleet.history(query.span)));
  const fleet::Division division = fleet::division_of(query.span);
  HistoryAnswer body{.span = query.span, .step_seconds = division.step.count(), .kept = division.kept};
  for (const auto& [at, tally] : steps) {
    HistoryShown& shown = body.steps.emplace_back();
    shown.at = rfc3339(at);
    shown.ended = tally.ended;
    shown.failed = tally.failed;
    shown.started = tally.started;
    if (tally.started > 0) shown.mean_wait = tally.waited / static_cast<double>(tally.started);
    shown.cpu_percent = tally.cpu_percent;
    shown.memory_percent = tally.memory_percent;
  }
  co_return answer(body);
}

}  // namespace

std::vector<Route> history_routes() {
  return {{.method = Method::get,
           .pattern = "/v1/history",
           .handler = history,
           .access = Scope::read,
           .name = "history",
           .group = "resources",
           .summary = "Runs, failures, waits and use of the last hour (steps of 10 s) or day (of 5 min)",
           .query = payload<HistoryQuery>("HistoryQuery"),
           .answer = payload<HistoryAnswer>("History")}};
}

}  // namespace medsynth::api
