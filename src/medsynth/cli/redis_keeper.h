// Who serves Redis: ours or somebody else's. A thread of its own ("ms-managed") starts ours, looks after it
// and stops it: all of that waits for a child, which the main thread must not, and the child dies with the
// thread that started it.
//
// start() and stop() belong to one thread; is_managed() is thread safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"
#include "medsynth/redis/client.h"
#include "medsynth/redis/managed.h"

namespace medsynth::cli {

class RedisKeeper {
 public:
  // `mode` auto | managed | external.
  RedisKeeper(std::string mode, redis::ManagedOptions options);
  ~RedisKeeper() { stop(); }

  // At the start: what must be there is there, or the error says what to do. With `auto` a folder in use or a
  // taken port is somebody else's Redis, which is used. What it waits for is logged at once; a signal that
  // ends the process ends the wait (cancelled; base/signals.h).
  // Afterwards a managed Redis that ends is started again, and with `auto` one takes over where a loopback
  // Redis disappeared.
  Result<> start();
  // Stops ours, in order.
  void stop();

  bool is_managed() const { return is_managed_; }

 private:
  void run(std::stop_token stop, std::promise<Result<>> started);
  Result<> first_start();
  Result<> start_managed();
  void look();

  const std::string mode_;
  redis::ManagedOptions options_;
  std::string said_;                         // what a start waits for; the thread's
  std::unique_ptr<redis::Managed> managed_;  // the thread's
  std::atomic<bool> is_managed_{false};
  std::jthread thread_;
};

// Of the managed Redis that these settings mean. By default what is left beside what it may fill is enough for a
// copy of it, which it makes when it writes its log anew, and for models.
redis::ManagedOptions managed_options(const Settings& settings, const redis::Url& url,
                                      std::uint64_t machine_memory);

// What is risky about a Redis that is not ours, for a warning each: no append-only file, an eviction policy,
// another user's on loopback.
std::vector<std::string> risks(redis::Client& client, const redis::Url& url);

}  // namespace medsynth::cli
