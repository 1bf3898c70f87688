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

}  // namespace medsynth::api
