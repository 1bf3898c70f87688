// Keeps a worker alive in Redis and cleans up after those that are not: heartbeat, recovery, housekeeping, on
// one thread
// ("ms-beat") for as long as the object lives. Thread safe; internal to this room.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "medsynth/dramatiq/recovery.h"
#include "medsynth/dramatiq/workers.h"
#include "medsynth/redis/client.h"
#include "medsynth/redis/trouble.h"

namespace medsynth::dramatiq {

struct KeeperOptions {
  std::vector<std::string> queues;
  std::chrono::milliseconds heartbeat;
  std::chrono::milliseconds maintenance;
  std::chrono::milliseconds sweep;
};

class Keeper {
 public:
  // `silent` runs on its thread when we ourselves were silent for so long that others may have taken our
  // leases.
  Keeper(redis::Client& client, const Broker& broker, KeeperOptions options, std::function<void()> silent);
  ~Keeper();

  // Somebody's call failed: recovery waits anew.
  void lost_contact() { broken_ = true; }

 private:
  template <class T>
  Result<T> ask(redis::Query<T> query);
  void run(std::stop_token stop);
  bool beat();
  void recover();
  void sweep();
  void compare_clocks(WallTime redis_now);

  redis::Client& client_;
  const Broker& broker_;
  const Workers workers_;
  const KeeperOptions options_;
  const std::function<void()> silent_;
  std::atomic<bool> broken_{false};
  redis::Trouble trouble_;
  Contact contact_;  // the thread's, like the next two
  SteadyTime last_beat_ = {};
  bool clocks_differ_ = false;
  std::jthread thread_;  // last: it uses everything above
};

}  // namespace medsynth::dramatiq
