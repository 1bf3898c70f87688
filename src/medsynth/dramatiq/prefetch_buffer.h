// What a consumer has fetched, between the thread that fetches and those that take. Thread safe; does no I/O,
// internal to this room.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "medsynth/dramatiq/leases.h"

namespace medsynth::dramatiq {

class PrefetchBuffer {
 public:
  using Ids = std::map<std::string, std::vector<std::string>>;  // by queue, in order

  // `prefetch`: messages worth fetching beyond those that takers wait for; `knows_work`: of those that need no
  // admission about 50 ms of work are. `low` runs, without a lock, when more should be fetched.
  PrefetchBuffer(std::int64_t prefetch, bool knows_work, std::function<void()> low);

  // The first messages that are ready, together at most a slice of work (Leases::take); none at the timeout,
  // on stop, or once it is closed.
  std::vector<Received> take(std::size_t count, std::chrono::milliseconds timeout, std::stop_token stop);
  void started(const std::string& redis_message_id);
  void settled(const std::vector<std::string>& redis_message_ids);
  void give_back(const std::vector<std::string>& redis_message_ids);

  // What goes back to Redis now. Nothing is to be fetched before returned() says that it is there.
  Ids returns();
  void returned();

  // How many messages to fetch. What is fetched ahead is refilled when half of it is gone, so that few round
  // trips bring many.
  std::int64_t wanted();
  // Whether the last messages were brief ones: those that come next start as soon as they are there.
  bool fetches_ahead();
  void add(std::vector<Received> messages, const std::vector<Leases::Work>& work);
  // Whether one taker takes all of this at once.
  bool is_one_slice(const std::vector<Leases::Work>& work) const;

  Leases::Difference reconcile(const std::string& queue, const std::vector<std::string>& leased);

  // Nothing more is taken.
  void close();
  bool is_closed();
  // What was not handed out. What is being given back goes with what still waits to start.
  Ids drain();

 private:
  std::int64_t wanted_locked() const;

  const std::int64_t prefetch_;
  const bool knows_work_;
  const std::function<void()> low_;
  std::mutex mutex_;
  std::condition_variable_any changed_;  // wakes one taker, who wakes the next when there is more
  Leases leases_;                        // guarded by mutex_, like all below
  std::int64_t takers_ = 0;              // that wait
  std::int64_t ahead_ = 0;               // messages worth fetching before somebody waits for them
  std::int64_t returning_ = 0;           // threads between returns() and returned()
  bool closed_ = false;
};

}  // namespace medsynth::dramatiq
