// Settles messages, many at a time: while one exchange is under way the next batch gathers, so that an idle
// worker settles at once and a busy one in few round trips. One thread ("ms-settle"). Thread safe; internal
// to this room.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/redis/client.h"

namespace medsynth::dramatiq {

class Settler {
 public:
  using Done = std::function<void(bool ours)>;

  // `lost_contact` runs when a call failed, `settled` with a batch that has left our hands and how many of it
  // were no longer ours; both on its thread, without a lock of ours.
  Settler(redis::Client& client, const Broker& broker, std::function<void()> lost_contact,
          std::function<void(const std::vector<Settlement>&, std::int64_t lost)> settled);
  ~Settler();  // settles what it has until the time of give_up_at()

  // `done` runs on its thread, must not block, and may be empty. Retries while Redis is away.
  void settle(Settlement settlement, Done done);
  // What cannot be settled by then is not: false, and recovery puts the message back.
  void give_up_at(SteadyTime when);
  bool may_still_settle() const;
  bool wait_idle(SteadyTime deadline);

 private:
  struct Batch {
    std::vector<Settlement> settlements;
    std::vector<Done> done;
  };
  void run(std::stop_token stop);
  void carry_out(Batch& batch, bool in_doubt);
  Result<std::vector<bool>> try_once(const Batch& batch, bool in_doubt);

  redis::Client& client_;
  const Broker& broker_;
  const std::function<void()> lost_contact_;
  const std::function<void(const std::vector<Settlement>&, std::int64_t)> settled_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Batch gathering_;  // guarded by mutex_, like the next two
  bool busy_ = false;
  SteadyTime give_up_at_ = SteadyTime::max();
  std::jthread thread_;  // last: it uses everything above
};

}  // namespace medsynth::dramatiq
