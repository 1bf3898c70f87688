// Carries out a query that must not be lost, for as long as Redis is away; not after `stop`. Made anew for
// each try, so that times in it are those of the try. Blocks. Internal to this room.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

#include "medsynth/redis/client.h"

namespace medsynth::worker {

inline constexpr std::chrono::milliseconds kRedisRetry{500};  // between looks at a Redis that is away

template <class T>
Result<T> persist(redis::Client& client, const std::stop_token& stop,
                  const std::function<redis::Query<T>()>& query) {
  for (;;) {
    Result<T> result = client.run(query());
    const bool away =
        !result && (result.error().code == Code::unavailable || result.error().code == Code::timeout);
    if (!away || stop.stop_requested()) return result;
    (void)client.wait_connected(kRedisRetry, stop);
  }
}

}  // namespace medsynth::worker
