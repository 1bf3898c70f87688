#include "medsynth/redis/server_clock.h"

#include <algorithm>

namespace medsynth::redis {
namespace {

// Beyond the year 9999 nothing can be written as RFC 3339, so no clock stands there.
constexpr std::int64_t kMaxSeconds = 253'402'300'799;

}  // namespace

void ServerClock::heard(SteadyTime asked, WallTime theirs, SteadyTime answered) {
  ahead_ = std::clamp(ahead_.load(), (theirs - at(answered)).count(), (theirs - at(asked)).count());
}

std::optional<WallTime> time_of(const Reply& reply) {
  if (reply.kind != Reply::Kind::list || reply.list.size() != 2) return std::nullopt;
  const auto seconds = integer(reply.list[0]);
  const auto micros = integer(reply.list[1]);
  if (!seconds || !micros || *seconds < 0 || *seconds > kMaxSeconds || *micros < 0 || *micros >= 1'000'000)
    return std::nullopt;
  return WallTime(std::chrono::seconds(*seconds) + std::chrono::microseconds(*micros));
}

}  // namespace medsynth::redis
