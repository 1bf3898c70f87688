// Settles messages, many at a time: while one exchange is under way the next batch gathers, so that an idle
// worker settles at once and a busy one in few round trips. One that Redis refuses is put aside and tried
// again, so that the others go on; where trying again changes nothing (what follows from it cannot be
// written), it becomes a dead letter with that reason. One thread ("ms-settle"). Thread safe; internal to
// this room.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/redis/client.h"
#include "medsynth/redis/trouble.h"

namespace medsynth::dramatiq {

class Settler {
 public:
  using Done = std::function<void(bool ours)>;

  // `lost_contact` runs when a call failed, `settled` with a batch that has left our hands and how many of it
  // were no longer ours; both on its thread, without a lock of ours.
  Settler(redis::Client& client, const Broker& broker, std::function<void()> lost_contact,
          std::function<void(const std::vector<Settlement>&, std::int64_t lost)> settled);
  ~Settler();  // settles what it has until the time of give_up_at()

  // `done` runs on its thread, must not block, and may be empty. Retries while Redis is away or refuses.
  void settle(Settlement settlement, Done done);
  std::size_t put_aside() const;  // how many Redis has refused so far
  // What cannot be settled by then is not: false, and recovery puts the message back.
  void give_up_at(SteadyTime when);
  bool may_still_settle() const;
  bool wait_idle(SteadyTime deadline);

 private:
  struct Batch {
    std::vector<Settlement> settlements;
    std::vector<Done> done;
    void take_over(Batch& other);  // its own come first; the other is empty then
  };
  void run(std::stop_token stop);
  void wait_for_work(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  Batch next_batch();
  void carry_out(Batch& batch, bool in_doubt);
  void one_by_one(Batch& batch);
  void refuse(Batch& one, const Error& error);
  void finish(Batch& batch, const std::vector<bool>& ours);
  void answer(Batch& batch, const std::vector<bool>& ours);
  Result<std::vector<bool>> try_once(const Batch& batch, bool in_doubt);

  redis::Client& client_;
  const Broker& broker_;
  const std::function<void()> lost_contact_;
  const std::function<void(const std::vector<Settlement>&, std::int64_t)> settled_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Batch gathering_;  // guarded by mutex_, like the next five
  Batch aside_;
  SteadyTime aside_due_ = {};
  redis::Backoff backoff_;
  bool busy_ = false;
  SteadyTime give_up_at_ = SteadyTime::max();
  redis::Trouble trouble_;
  std::jthread thread_;  // last: it uses everything above
};

}  // namespace medsynth::dramatiq
