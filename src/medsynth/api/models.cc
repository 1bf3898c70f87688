// /v1/models: what is installed where the workers are, and which answers where none is named
#include "medsynth/api/models.h"

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

asio::awaitable<Result<Response>> list(App& app, const Request&) {
  BOOST_OUTCOME_CO_TRY(auto snapshots, co_await co_run(app, app.services.fleet.snapshots()));
  co_return answer(models_of(snapshots));
}

// Snapshots are up to a second old: a model that was added meanwhile is not in them.
asio::awaitable<Result<std::vector<fleet::Snapshot>>> asked_anew(App& app,
                                                                 std::vector<fleet::Snapshot> snapshots) {
  BOOST_OUTCOME_CO_TRY(auto version, co_await co_run(app, app.services.fleet.request("models.list", "")));
  const Confirmed confirmed = co_await wait_for_workers(app, version, ids_of(snapshots));
  for (fleet::Snapshot& snapshot : snapshots) {
    const auto said = confirmed.answers.find(snapshot.worker_id);
    const json::value* models =
        said == confirmed.answers.end() ? nullptr : said->second.if_contains("models");
    if (!models) continue;
    if (auto read = described::from_value<std::vector<fleet::InstalledModel>>(*models))
      snapshot.models = std::move(*read);
  }
  co_return snapshots;
}

// The workers write it into their hosts' catalogues: this machine may have none.
asio::awaitable<Result<Response>> use(App& app, const Request& request) {
  const std::string& model = request.parameters.at(0);
  BOOST_OUTCOME_CO_TRY(check_name("/model_id", model));
  BOOST_OUTCOME_CO_TRY(auto snapshots, co_await co_run(app, app.services.fleet.snapshots()));
  std::erase_if(snapshots, [](const fleet::Snapshot& each) { return each.draining; });
  if (snapshots.empty())
    co_return Error{
        Code::unavailable,
        "No worker is alive, and they choose: start one, or call 'medsynth models use' where they run.",
        "no_workers"};
  BOOST_OUTCOME_CO_TRY(auto version, co_await co_run(app, app.services.fleet.request("models.use", model)));
  const Confirmed confirmed = co_await wait_for_workers(app, version, ids_of(snapshots));
  BOOST_OUTCOME_CO_TRY(auto choice, choice_of(snapshots, model, confirmed.answers));
  const auto hosts = std::ranges::count_if(choice.hosts, &HostChoice::is_default);
  const std::string message = fmt::format("{} is the default {} model on {} host{}.", model, choice.kind,
                                          hosts, hosts == 1 ? "" : "s");
  co_return answer(ModelChoiceAnswer{.message = message, .data = std::move(choice)});
}

}  // namespace

asio::awaitable<Result<>> check_model(App& app, std::string pointer, std::string model, std::string kind) {
  BOOST_OUTCOME_CO_TRY(auto snapshots, co_await co_run(app, app.services.fleet.snapshots()));
  if (!check_model(snapshots, pointer, model, kind)) {
    BOOST_OUTCOME_CO_TRY(snapshots, co_await asked_anew(app, std::move(snapshots)));
    BOOST_OUTCOME_CO_TRY(check_model(snapshots, pointer, model, kind));
  }
  if (auto failed = failed_model(snapshots, model, app.now())) co_return std::move(*failed);
  co_return success();
}

std::vector<Route> models_routes() {
  return {
      {.method = Method::get,
       .pattern = "/v1/models",
       .handler = list,
       .access = Scope::read,
       .name = "list_models",
       .group = "models",
       .summary = "Models that are installed where workers run, whether they fit now, and the defaults",
       .answer = payload<ModelsAnswer>("ModelsAnswer")},
      {.method = Method::post,
       .pattern = "/v1/models/{model_id}/use",
       .handler = use,
       .access = Scope::operate,
       .name = "use_model",
       .group = "models",
       .summary = "Makes a model the one that answers where a request names none, on every host that has it",
       .answer = payload<ModelChoiceAnswer>("ModelChoiceAnswer"),
       .errors = {404}}};
}

}  // namespace medsynth::api
