// How this room's threads wait: always with an end and a cancel. Thread safe; internal to this room.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"
#include "medsynth/redis/client.h"
#include "medsynth/redis/error_reply.h"

namespace medsynth::dramatiq {

inline SteadyTime steady_now() {
  return system_clock().steady();
}

// Wakes one waiting thread: notify() before or during wait_until() ends it. Another thread may do that one's
// work instead of waking it: from a take_over() that returns true until hand_back() it stays in wait_until().
class Wakeup {
 public:
  void notify() {
    {
      const std::lock_guard lock(mutex_);
      notified_ = true;
    }
    changed_.notify_one();
  }

  // False when nobody waits, or another thread took over.
  bool take_over() {
    const std::lock_guard lock(mutex_);
    if (!waiting_ || taken_over_) return false;
    return taken_over_ = true;
  }
  void hand_back(bool notify) {
    const std::lock_guard lock(mutex_);  // also while it notifies: whom it wakes may end us
    taken_over_ = false;
    notified_ = notified_ || notify;
    changed_.notify_one();
  }

  // True when it was notified, which is forgotten then; false at the deadline or on stop.
  bool wait_until(SteadyTime deadline, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    waiting_ = true;
    changed_.wait_until(lock, stop, deadline, [this] { return notified_ && !taken_over_; });
    changed_.wait(lock, [this] { return !taken_over_; });  // who took over asks Redis, and that ends in time
    waiting_ = false;
    return std::exchange(notified_, false);
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool notified_ = false;
  bool waiting_ = false;
  bool taken_over_ = false;
};

inline void pause(std::chrono::milliseconds time, std::stop_token stop = {}) {
  Wakeup().wait_until(steady_now() + time, std::move(stop));
}

constexpr std::chrono::milliseconds kAwaySlice{250};     // between looks at a Redis that is away
constexpr std::chrono::milliseconds kLoadingPause{100};  // at one that answers, but not yet

// Redis did not do it now, and may in a moment, as far as it is up to Redis: not where somebody has to
// change something first.
inline bool is_away(const Error& error) {
  const redis::ErrorClass meaning = redis::classify(error);
  return error.code == Code::cancelled || meaning == redis::ErrorClass::transient ||
         meaning == redis::ErrorClass::connection;
}

// True when there is a connection, at once or within a slice.
inline bool reach(redis::Client& client, std::stop_token stop = {}) {
  const auto waited = client.wait_connected(kAwaySlice, stop);
  if (!waited && waited.error().code != Code::timeout) pause(kAwaySlice, std::move(stop));
  return waited.has_value();
}

}  // namespace medsynth::dramatiq
