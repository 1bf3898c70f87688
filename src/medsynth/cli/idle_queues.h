// Which queues nobody uses any more: anybody may send to a queue of a new name, and each that is known is
// looked at and shown for ever. Pure; not thread safe.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/dramatiq/queues.h"

namespace medsynth::cli {

class IdleQueues {
 public:
  // An hour: whoever sends a message each day will see its queue again when it does.
  explicit IdleQueues(std::chrono::seconds after = std::chrono::hours(1)) : after_(after) {}

  // Those of `states` that have been idle at each look for so long: empty (dead letters too), not paused, and
  // not in `used` (named by the settings, or consumed by a worker).
  std::vector<std::string> forgettable(const std::vector<dramatiq::QueueState>& states,
                                       const std::set<std::string>& used, SteadyTime now);

 private:
  const std::chrono::seconds after_;
  std::map<std::string, SteadyTime> idle_since_;
};

}  // namespace medsynth::cli
