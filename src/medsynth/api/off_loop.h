// Work that takes longer the more it is given, off the event loop: what may take more than some milliseconds
// must not keep every other connection waiting, /livez among them.
//
//   BOOST_OUTCOME_CO_TRY(auto query, co_await off_loop(app, request.body.size(), [&] { return read(request);
//   }));
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "medsynth/api/app.h"
#include "medsynth/redis/awaitable.h"

namespace medsynth::api {

// Below this, work takes less than a millisecond, and another thread would only cost.
inline constexpr std::size_t kOffLoopBytes = 64 * 1024;

// What work() returns. It runs on the thread "ms-parse", one after the other, when there are kOffLoopBytes or
// more to look at; else at once. It may use what outlives the co_await, but nothing that others change.
template <class Work>
boost::asio::awaitable<std::invoke_result_t<Work&>> off_loop(App& app, std::size_t bytes, Work work) {
  if (bytes < kOffLoopBytes) co_return work();
  std::optional<std::invoke_result_t<Work&>> result;
  co_await boost::asio::co_spawn(
      app.parser,
      [&result, &work]() -> boost::asio::awaitable<void> {
        result.emplace(work());
        co_return;
      },
      boost::asio::use_awaitable);
  co_return *std::move(result);
}

// Bytes of text in replies, at any depth.
std::size_t bytes_of(const redis::Replies& replies);

// What a query of Redis leads to. Large replies are decoded off the loop: `decode` is as pure as work()
// above.
template <class T>
boost::asio::awaitable<Result<T>> co_run(App& app, redis::Query<T> query) {
  for (;;) {
    auto replies = co_await redis::co_send(app.services.client, std::move(query.commands));
    if (!replies) co_return replies.error();
    const std::size_t bytes = bytes_of(*replies);
    auto step = co_await off_loop(app, bytes, [&] { return query.decode(std::move(*replies)); });
    if (!step) co_return step.error();
    if (!step->next) co_return std::move(*step->value);
    query = std::move(*step->next);
  }
}

}  // namespace medsynth::api
