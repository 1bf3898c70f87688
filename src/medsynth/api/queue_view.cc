#include "medsynth/api/queue_view.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/api/off_loop.h"
#include "medsynth/dramatiq/queues.h"

namespace medsynth::api {

namespace asio = boost::asio;
using Names = std::vector<std::string>;

constexpr std::chrono::seconds kTryFullAgain{5};

Result<> check_queue(const std::string& name) {
  const auto checked = dramatiq::check_queue_name(name);
  if (!checked) return invalid("/queue", checked.error().faults.at(0).detail);
  return success();
}

asio::awaitable<Result<Names>> known_queues(App& app, bool all) {
  const dramatiq::Queues queues(app.services.broker);
  BOOST_OUTCOME_CO_TRY(auto known, co_await co_run(app, queues.known()));
  BOOST_OUTCOME_CO_TRY(auto snapshots, co_await co_run(app, app.services.fleet.snapshots()));
  std::set<std::string> names(known.begin(), known.end());
  names.insert(app.options.queues.begin(), app.options.queues.end());
  for (const fleet::Snapshot& snapshot : snapshots)
    names.insert(snapshot.queues.begin(), snapshot.queues.end());
  if (all) {
    BOOST_OUTCOME_CO_TRY(auto found, co_await co_run(app, queues.scan()));
    names.insert(found.begin(), found.end());
  }
  co_return Names(names.begin(), names.end());
}

asio::awaitable<Result<Names>> named_or_known(App& app, const std::optional<std::string>& queue) {
  if (!queue) co_return co_await known_queues(app);
  BOOST_OUTCOME_CO_TRY(check_queue(*queue));
  co_return Names{*queue};
}

std::int64_t max_queue_length(const App& app, const Key* key) {
  const std::int64_t own = key ? key->limits.queue_length.value_or(0) : 0, all = app.options.max_queue_length;
  return own > 0 && (all == 0 || own < all) ? own : all;
}

std::optional<tasks::Bound> bound_of(const App& app, const Key* key, const std::string& queue) {
  const std::int64_t max = max_queue_length(app, key);
  if (max == 0) return std::nullopt;
  return tasks::Bound{app.services.broker.messages_key(queue), max};
}

Error queue_full(const App& app, const Key* key, const std::string& queue) {
  const std::int64_t max = max_queue_length(app, key);
  if (max != app.options.max_queue_length)
    return {Code::exhausted,
            fmt::format(
                "Queue {} has {} messages or more, as many as the key '{}' may leave on it: try again when "
                "some are done.",
                queue, max, key->name),
            "queue_bound_exceeded",
            {},
            kTryFullAgain};
  return {Code::unavailable,
          fmt::format(
              "Queue {} has {} messages, as many as it may have (MEDSYNTH_MAX_QUEUE_LENGTH): try again when "
              "some are done.",
              queue, max),
          "queue_full",
          {},
          kTryFullAgain};
}

asio::awaitable<Result<std::vector<QueueInfo>>> queue_infos(App& app, Names names) {
  BOOST_OUTCOME_CO_TRY(auto snapshots, co_await co_run(app, app.services.fleet.snapshots()));
  const dramatiq::Queues queues(app.services.broker);
  BOOST_OUTCOME_CO_TRY(auto states, co_await co_run(app, queues.states(std::move(names))));
  std::vector<QueueInfo> infos;
  for (dramatiq::QueueState& state : states) {
    const auto consumes = [&](const fleet::Snapshot& each) {
      return !each.draining &&
             std::find(each.queues.begin(), each.queues.end(), state.name) != each.queues.end();
    };
    const dramatiq::Depth& depth = state.depth;
    infos.push_back({.name = state.name,
                     .state = state.paused ? "paused" : "active",
                     .ready = depth.ready,
                     .delayed = depth.delayed,
                     .running = depth.running,
                     .dead = depth.dead,
                     .workers = std::count_if(snapshots.begin(), snapshots.end(), consumes)});
  }
  co_return infos;
}

}  // namespace medsynth::api
