// /v1/labels: what people think of reported pairs
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/api/body.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/label_file.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/reference_payloads.h"
#include "medsynth/base/id.h"
#include "medsynth/base/stored.h"
#include "medsynth/jobs/jobs.h"
#include "medsynth/redis/awaitable.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

// The pair as the analysis reported it.
Result<> add_claims(const tasks::Record& record, NewLabel& label) {
  const bool analysis = record.status() == tasks::Status::completed &&
                        record.text("actor").value_or("") == std::string(jobs::kAnalyze.name);
  if (!analysis) return invalid("/task_id", "is no analysis of articles that has completed");
  BOOST_OUTCOME_TRY(const auto value, json::parse(record.raw("result")));
  std::vector<Fault> faults;
  const auto result = described::from_stored<jobs::ArticlesResult>(value, faults);
  const auto index = static_cast<std::size_t>(label.pair - 1);
  if (index >= result.contradictions.size())
    return invalid("/pair", fmt::format("there is no pair {}: the task reported {}", label.pair,
                                        result.contradictions.size()));
  label.claim1 = result.contradictions[index].claim1.claim;
  label.claim2 = result.contradictions[index].claim2.claim;
  return success();
}

KeptLabel kept(const NewLabel& label, const std::string& now) {
  return {.id = fmt::format("{}/{}", label.task_id, label.pair),
          .claim1 = *label.claim1,
          .claim2 = *label.claim2,
          .label = label.label == Judgement::agree ? "contradiction" : "no_contradiction",
          .labelled_at = now};
}

Result<NewLabel> read_label(const Request& request) {
  BOOST_OUTCOME_TRY(auto label, parse_body<NewLabel>(request.body));
  BOOST_OUTCOME_TRY(check_task_id(label.task_id));
  if (label.claim1.has_value() != label.claim2.has_value())
    return invalid(label.claim1 ? "/claim2" : "/claim1",
                   "must be given too: the claims of a pair go together");
  return label;
}

asio::awaitable<Result<Response>> keep(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto label, read_label(request));
  std::optional<tasks::Record> record;
  if (!label.claim1) {
    BOOST_OUTCOME_CO_TRY(record, co_await co_run(app, app.services.store.get(label.task_id)));
    if (!record) co_return task_not_found();
  }
  const std::string now = rfc3339(app.now());
  // Always on that thread: it waits for a disk.
  co_return co_await off_loop(app, kOffLoopBytes, [&]() -> Result<Response> {
    if (record) {
      BOOST_OUTCOME_TRY(add_claims(*record, label));
    }
    KeptLabel line = kept(label, now);
    BOOST_OUTCOME_TRY(const auto total, keep_label(app.options.label_file, line));
    return answer(LabelAnswer{.message = "The label is kept.",
                              .data = {std::move(line), static_cast<std::int64_t>(total)}});
  });
}

}  // namespace

std::vector<Route> label_routes() {
  return {{.method = Method::post,
           .pattern = "/v1/labels",
           .handler = keep,
           .access = Scope::submit,
           .name = "keep_label",
           .group = "references",
           .summary = "Says whether a reported pair does contradict each other, for `medsynth calibrate`",
           .body = payload<NewLabel>("NewLabel"),
           .answer = payload<LabelAnswer>("LabelAnswer"),
           .errors = {404, 422}}};
}

}  // namespace medsynth::api
