// What Redis did not carry out, and how that is met: said once per cause, tried again with longer and longer
// pauses.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "medsynth/base/error.h"

namespace medsynth::redis {

// Says it in the log: one line per cause, not per try, and one when it works again. Thread safe.
class Trouble {
 public:
  // `what` is for people: "a task's record cannot be written". Not said where there is no connection: the
  // client does that.
  void failed(std::string_view what, const Error& error);
  void worked(std::string_view what);  // cheap where nothing had failed

 private:
  std::atomic<bool> any_{false};
  std::mutex mutex_;
  std::set<std::pair<std::string, std::string>> said_;  // what, cause; guarded by mutex_
};

// The pauses between tries. Not thread safe.
class Backoff {
 public:
  std::chrono::milliseconds next() { return std::exchange(next_, std::min(2 * next_, kLongest)); }

 private:
  static constexpr std::chrono::milliseconds kFirst{100};     // a Redis that loads or is full for a moment
  static constexpr std::chrono::milliseconds kLongest{2000};  // what an operator repaired goes on soon after
  std::chrono::milliseconds next_ = kFirst;
};

}  // namespace medsynth::redis
