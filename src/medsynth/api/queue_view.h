// The queues that this server knows of: its own, those that live workers consume, and those that somebody of
// ours wrote down in Redis.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "medsynth/api/app.h"
#include "medsynth/api/queue_payloads.h"

namespace medsynth::api {

// As dramatiq::check_queue_name, with the pointer "/queue".
Result<> check_queue(const std::string& name);
// Sorted; with `all` also those found among the keys of the database.
boost::asio::awaitable<Result<std::vector<std::string>>> known_queues(App& app, bool all = false);
// The one queue that was named, checked, or all that are known.
boost::asio::awaitable<Result<std::vector<std::string>>> named_or_known(
    App& app, const std::optional<std::string>& queue);
boost::asio::awaitable<Result<std::vector<QueueInfo>>> queue_infos(App& app, std::vector<std::string> names);

// How many messages a key's submissions may leave on a queue; 0: there is no bound. The key's own bound is
// "queue_bound_exceeded" (429), the server's "queue_full" (503).
std::int64_t max_queue_length(const App& app, const Key* key);
// The same as the store wants it. A delayed message's queue is the delay queue.
std::optional<tasks::Bound> bound_of(const App& app, const Key* key, const std::string& queue);
Error queue_full(const App& app, const Key* key, const std::string& queue);

}  // namespace medsynth::api
