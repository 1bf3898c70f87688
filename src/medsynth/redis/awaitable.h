// redis::Client from a coroutine. Only the network edge (api) includes this.
#pragma once

#include <memory>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "medsynth/redis/client.h"

namespace medsynth::redis {

// Runs the query and resumes on the caller's executor.
template <class T>
boost::asio::awaitable<Result<T>> co_run(Client& client, Query<T> query) {
  return boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void(Result<T>)>(
      [&client](auto handler, Query<T> q) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        client.run<T>(std::move(q), [shared](Result<T> result) {
          auto executor = boost::asio::get_associated_executor(*shared);
          boost::asio::dispatch(executor, [shared, result = std::move(result)]() mutable {
            std::move (*shared)(std::move(result));
          });
        });
      },
      boost::asio::use_awaitable, std::move(query));
}

}  // namespace medsynth::redis
