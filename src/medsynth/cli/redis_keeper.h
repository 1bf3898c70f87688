// Who serves Redis: ours or somebody else's. Main thread only (a managed Redis is spawned there).
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "medsynth/base/clock.h"
#include "medsynth/redis/client.h"
#include "medsynth/redis/managed.h"

namespace medsynth::cli {

class RedisKeeper {
 public:
  // `mode` auto | managed | external.
  RedisKeeper(std::string mode, redis::ManagedOptions options);

  // At the start: what must be there is there, or the error says what to do. With `auto` a folder in use or a
  // taken port is somebody else's Redis, which is used.
  Result<> start();
  // Starts a managed Redis again that has ended, and with `auto` takes over where a loopback Redis
  // disappeared.
  void tick(SteadyTime now);
  // Stops ours, in order.
  void stop() { managed_.reset(); }

  bool is_managed() const { return managed_ != nullptr; }

 private:
  Result<> start_managed(std::chrono::milliseconds patience);

  const std::string mode_;
  const redis::ManagedOptions options_;
  std::unique_ptr<redis::Managed> managed_;
  SteadyTime next_look_ = {};
};

// What is risky about a Redis that is not ours, for a warning each: no append-only file, an eviction policy,
// another user's on loopback.
std::vector<std::string> risks(redis::Client& client, const redis::Url& url);

}  // namespace medsynth::cli
