// redis::Client from a coroutine. Only the network edge (api) includes this.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "medsynth/redis/client.h"

namespace medsynth::redis {

// Client::send(), resumed on the caller's executor.
inline boost::asio::awaitable<Result<Replies>> co_send(Client& client, std::vector<Command> commands) {
  return boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void(Result<Replies>)>(
      [&client](auto handler, std::vector<Command> all) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        client.send(std::move(all), [shared](Result<Replies> replies) {
          auto executor = boost::asio::get_associated_executor(*shared);
          boost::asio::dispatch(executor, [shared, replies = std::move(replies)]() mutable {
            std::move (*shared)(std::move(replies));
          });
        });
      },
      boost::asio::use_awaitable, std::move(commands));
}

}  // namespace medsynth::redis
