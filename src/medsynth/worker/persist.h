// Carries out a query that must not be lost, for as long as Redis is away; not after `stop`. Made anew for
// each try, so that times in it are those of the try. Blocks. Internal to this room.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

#include "medsynth/redis/client.h"

namespace medsynth::worker {

inline constexpr std::chrono::milliseconds kRedisRetry{500};  // between looks at a Redis that is away
inline constexpr std::chrono::milliseconds kRefused{
    100};  // at one that answers, and refuses: it is full, or loads

inline void rest(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, time, [] { return false; });
}

template <class T>
Result<T> persist(redis::Client& client, const std::stop_token& stop,
                  const std::function<redis::Query<T>()>& query) {
  for (;;) {
    Result<T> result = client.run(query());
    const bool away =
        !result && (result.error().code == Code::unavailable || result.error().code == Code::timeout);
    if (!away || stop.stop_requested()) return result;
    if (client.wait_connected(kRedisRetry, stop)) rest(kRefused, stop);
  }
}

}  // namespace medsynth::worker
