// /v1/model-cache
#include <algorithm>

#include <fmt/format.h>

#include "medsynth/api/confirm.h"
#include "medsynth/api/fleet_view.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/payloads.h"
#include "medsynth/base/id.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

// Workers answer {"removals": {model id: removed | draining | absent}}.
RemovedModels removals_of(const std::vector<fleet::Snapshot>& snapshots, Confirmed confirmed) {
  RemovedModels data{.models = {},
                     .removed = 0,
                     .draining = 0,
                     .confirmed_by = std::move(confirmed.confirmed_by),
                     .silent = std::move(confirmed.silent)};
  for (const auto& [worker, said] : confirmed.answers) {
    const json::value* removals = said.if_contains("removals");
    if (!removals || !removals->is_object()) continue;
    for (const auto& [id, outcome] : removals->get_object()) {
      if (!outcome.is_string() || outcome.get_string() == "absent") continue;
      const auto from = std::find_if(snapshots.begin(), snapshots.end(),
                                     [&](const auto& each) { return each.worker_id == worker; });
      data.models.push_back({std::string(id), worker, from == snapshots.end() ? "" : from->host,
                             std::string(outcome.get_string())});
      if (outcome.get_string() == "removed") ++data.removed;
      if (outcome.get_string() == "draining") ++data.draining;
    }
  }
  return data;
}

std::string removal_message(const RemovedModels& data) {
  std::string message = fmt::format("{} removed", data.removed);
  if (data.draining > 0)
    message += fmt::format(", {} in use: removed when the last user lets go", data.draining);
  if (!data.silent.empty())
    message += fmt::format("; {} workers did not confirm in time", data.silent.size());
  return message + ".";
}

asio::awaitable<Result<Response>> stats(App& app, const Request&) {
  BOOST_OUTCOME_CO_TRY(auto snapshots, co_await co_run(app, app.services.fleet.snapshots()));
  co_return answer(cache_of(snapshots, app.options.max_cached_models, app.options.model_cache_ttl));
}

asio::awaitable<Result<RemovedModels>> ask(App& app, std::string kind, std::string model) {
  BOOST_OUTCOME_CO_TRY(auto snapshots, co_await co_run(app, app.services.fleet.snapshots()));
  if (snapshots.empty()) co_return RemovedModels{};
  BOOST_OUTCOME_CO_TRY(auto version, co_await co_run(app, app.services.fleet.request(kind, model)));
  co_return removals_of(snapshots, co_await wait_for_workers(app, version, ids_of(snapshots)));
}

// Every worker is asked, whatever the snapshots say: they may be a second old.
asio::awaitable<Result<Response>> remove_model(App& app, const Request& request) {
  const std::string& model = request.parameters.at(0);
  BOOST_OUTCOME_CO_TRY(check_name("/model_id", model));
  BOOST_OUTCOME_CO_TRY(auto data, co_await ask(app, "cache.remove", model));
  if (data.models.empty() && data.silent.empty())
    co_return Error{Code::not_found, "No worker has this model in its cache.", "model_not_cached"};
  co_return answer(CacheRemoval{.message = removal_message(data), .data = std::move(data)});
}

asio::awaitable<Result<Response>> clear(App& app, const Request&) {
  BOOST_OUTCOME_CO_TRY(auto data, co_await ask(app, "cache.clear", ""));
  co_return answer(CacheRemoval{.message = removal_message(data), .data = std::move(data)});
}

}  // namespace

std::vector<Route> model_cache_routes() {
  return {
      {.method = Method::get,
       .pattern = "/v1/model-cache/stats",
       .handler = stats,
       .access = Scope::read,
       .name = "model_cache_stats",
       .group = "model-cache",
       .summary = "Models in the workers' memory",
       .answer = payload<CacheAnswer>("ModelCache")},
      {.method = Method::delete_,
       .pattern = "/v1/model-cache/models/{model_id}",
       .handler = remove_model,
       .access = Scope::operate,
       .name = "remove_model",
       .group = "model-cache",
       .summary = "Removes a model; one in use goes when its last user lets go",
       .answer = payload<CacheRemoval>("CacheRemoval"),
       .errors = {404}},
      {.method = Method::delete_,
       .pattern = "/v1/model-cache/clear",
       .handler = clear,
       .access = Scope::operate,
       .name = "clear_model_cache",
       .group = "model-cache",
       .summary = "Removes all models; those in use go when their last user lets go",
       .answer = payload<CacheRemoval>("CacheRemoval")},
  };
}

}  // namespace medsynth::api
