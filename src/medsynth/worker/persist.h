// Carries out a query that must not be lost, for as long as Redis is away or refuses it; not after `stop`.
// Made anew for each try, so that times in it are those of the try. Fails at once where trying again changes
// nothing (redis::ErrorClass::broken). Blocks. Internal to this room.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string_view>

#include "medsynth/redis/client.h"
#include "medsynth/redis/error_reply.h"
#include "medsynth/redis/trouble.h"

namespace medsynth::worker {

inline constexpr std::chrono::milliseconds kRedisRetry{500};  // between looks at a Redis that is away

inline void rest(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, time, [] { return false; });
}

inline bool is_hopeless(const Error& error) {
  return !redis::worth_retrying(redis::classify(error));
}

// `what` is what people are told while it fails: "a task's record cannot be written".
template <class T>
Result<T> persist(redis::Client& client, const std::stop_token& stop, redis::Trouble& trouble,
                  std::string_view what, const std::function<redis::Query<T>()>& query) {
  redis::Backoff backoff;
  for (bool failed = false;; failed = true) {
    Result<T> result = client.run(query());
    if (result && failed) trouble.worked(what);
    if (result || is_hopeless(result.error()) || stop.stop_requested()) return result;
    trouble.failed(what, result.error());
    if (client.wait_connected(kRedisRetry, stop)) rest(backoff.next(), stop);
  }
}

}  // namespace medsynth::worker
