// Whose messages may be taken from them: pure decisions over heartbeats, with `now` as an argument.
//
// A lease runs out when its holder was silent for its timeout, and Redis was reachable for just as long:
// after an outage everybody's heartbeat is old, and everybody must get the time to beat again.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/clock.h"

namespace medsynth::dramatiq {

struct Beat {
  std::string worker;
  std::int64_t at_ms = 0;  // its last one, by Redis' clock
  bool ours = false;       // in our registry
};
struct Timeouts {
  std::chrono::milliseconds ours;
  std::chrono::milliseconds python;
};
struct Dead {
  std::string worker;
  std::int64_t lives_after_ms = 0;  // a beat after this says that it lives
  bool operator==(const Dead&) const = default;
};
std::vector<Dead> dead_workers(const std::vector<Beat>& beats, std::string_view self, std::int64_t now_ms,
                               const Timeouts& timeouts, std::chrono::milliseconds reachable_for);

// Since when Redis has been reachable without a break. Not thread safe.
class Contact {
 public:
  // A call worked, and Redis' clock said `redis_ms`. When that clock and ours disagree about the time since
  // the last contact, the machine slept or a clock was set: old heartbeats prove nothing then, and contact
  // begins anew.
  void worked(SteadyTime now, std::int64_t redis_ms);
  void failed() { last_.reset(); }

  std::chrono::milliseconds reachable_for(SteadyTime now) const;  // 0 without contact

 private:
  struct Point {
    SteadyTime steady;
    std::int64_t redis_ms;
  };
  std::optional<Point> last_;
  SteadyTime since_ = {};
};

}  // namespace medsynth::dramatiq
