#include "medsynth/api/waits.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "medsynth/api/handlers.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/payloads.h"
#include "medsynth/api/url.h"
#include "medsynth/dramatiq/queues.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

// Workers report once a second: what is known is asked for that often by any number of callers.
constexpr std::chrono::milliseconds kFactsLast{250};
// The news of a task's end can be missed.
constexpr std::chrono::seconds kMissedAfter{2};

bool may_wait(const tasks::Record& record) {
  const auto status = record.status().value_or(tasks::Status::pending);
  return status == tasks::Status::pending || status == tasks::Status::retrying;
}

}  // namespace

asio::awaitable<Result<std::shared_ptr<const WaitingFacts>>> waiting_facts(App& app) {
  const SteadyTime now = system_clock().steady();
  if (app.facts && now - app.facts_at < kFactsLast) co_return app.facts;
  const dramatiq::Queues queues(app.services.broker);
  BOOST_OUTCOME_CO_TRY(auto known,
                       co_await co_run(app, redis::both(app.services.fleet.roll(), queues.paused())));
  app.facts = std::make_shared<const WaitingFacts>(
      WaitingFacts{std::move(known.first), {known.second.begin(), known.second.end()}});
  app.facts_at = now;
  co_return app.facts;
}

asio::awaitable<Result<std::vector<std::optional<tasks::Waiting>>>> waiting_of(
    App& app, std::span<const tasks::Record> records) {
  std::vector<std::optional<tasks::Waiting>> found(records.size());
  std::vector<std::string> ids;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!may_wait(records[i])) continue;
    ids.push_back(records[i].task_id);
    places.push_back(i);
  }
  if (ids.empty()) co_return found;
  BOOST_OUTCOME_CO_TRY(const auto facts, co_await waiting_facts(app));
  BOOST_OUTCOME_CO_TRY(const auto ahead, co_await co_run(app, app.services.store.ahead(ids)));
  const WallTime now = app.now();
  WaitingView view(*facts, now);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto& waiting = found[places[i]] = view.of(records[places[i]], ahead[i]);
    if (!waiting || !waiting->estimate) continue;
    app.estimates.shown(ids[i], *waiting->estimate, now);
    app.feed.listen();
  }
  co_return found;
}

asio::awaitable<Result<std::optional<tasks::Waiting>>> waiting_of(App& app, const tasks::Record& record) {
  BOOST_OUTCOME_CO_TRY(auto found, co_await waiting_of(app, std::span(&record, 1)));
  co_return std::move(found.front());
}

namespace {

// nullopt: there is none (any more).
asio::awaitable<Result<std::optional<tasks::Record>>> ended_task(App& app, std::string id,
                                                                 std::chrono::milliseconds wait) {
  const bool waits =
      wait.count() > 0 && app.feed.size() < app.options.max_connections / 2;  // the others are for who asks
  if (!waits) co_return co_await co_run(app, app.services.store.get(std::move(id)));
  const SteadyTime deadline = system_clock().steady() + wait;
  TaskFeed::Watch watch(app.feed, id, co_await asio::this_coro::executor);
  for (;;) {
    BOOST_OUTCOME_CO_TRY(auto record, co_await co_run(app, app.services.store.get(id)));
    const SteadyTime now = system_clock().steady();
    const bool lives = record && !tasks::is_terminal(record->status().value_or(tasks::Status::pending));
    if (!lives || now >= deadline || app.draining) co_return record;
    co_await watch.wait(std::min<SteadyTime>(deadline, now + kMissedAfter));
  }
}

}  // namespace

asio::awaitable<Result<ShownTask>> shown_task(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto id, task_id_of(request));
  BOOST_OUTCOME_CO_TRY(const auto query, parse_query<ShowTaskQuery>(request.query));
  const std::chrono::milliseconds wait(static_cast<std::int64_t>(query.wait * 1000));
  BOOST_OUTCOME_CO_TRY(auto record, co_await ended_task(app, std::move(id), wait));
  if (!record) co_return task_not_found();
  BOOST_OUTCOME_CO_TRY(auto waiting, co_await waiting_of(app, *record));
  co_return ShownTask{std::move(*record), std::move(waiting)};
}

}  // namespace medsynth::api
