#include "medsynth/dramatiq/recovery.h"

#include <cstdlib>

namespace medsynth::dramatiq {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kClockJump{2'000};  // more than a slow answer, less than any timeout

}  // namespace

std::vector<Dead> dead_workers(const std::vector<Beat>& beats, std::string_view self, std::int64_t now_ms,
                               const Timeouts& timeouts, milliseconds reachable_for) {
  std::vector<Dead> dead;
  for (const Beat& beat : beats) {
    const milliseconds timeout = beat.ours ? timeouts.ours : timeouts.python;
    const std::int64_t limit = now_ms - timeout.count();
    if (beat.worker != self && beat.at_ms <= limit && reachable_for >= timeout)
      dead.push_back({beat.worker, limit});
  }
  return dead;
}

void Contact::worked(SteadyTime now, std::int64_t redis_ms) {
  const bool continues =
      last_ && std::abs(std::chrono::duration_cast<milliseconds>(now - last_->steady).count() -
                        (redis_ms - last_->redis_ms)) <= kClockJump.count();
  if (!continues) since_ = now;
  last_ = Point{now, redis_ms};
}

milliseconds Contact::reachable_for(SteadyTime now) const {
  return last_ ? std::chrono::duration_cast<milliseconds>(now - since_) : milliseconds(0);
}

}  // namespace medsynth::dramatiq
