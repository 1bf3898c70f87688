// Redis' clock, as far as it can be known here: this machine's, moved by what TIME answered. Times that
// another process compares with its own are taken from here, so that two machines whose clocks differ agree.
// Thread safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "medsynth/base/clock.h"
#include "medsynth/redis/query.h"

namespace medsynth::redis {

class ServerClock final : public Clock {
 public:
  explicit ServerClock(const Clock& here = system_clock()) : here_(here) {}

  // This machine's time until Redis was heard.
  WallTime now() const override;
  SteadyTime steady() const override { return here_.steady(); }
  SteadyTime coarse_steady() const override { return here_.coarse_steady(); }

  // Redis' time `theirs` belongs to a moment between these two of this machine. What is known already stays
  // where it agrees, so that a slow answer makes nothing worse, and one machine's clocks are one.
  void heard(WallTime asked, WallTime theirs, WallTime answered);
  std::chrono::microseconds ahead() const { return std::chrono::microseconds(ahead_.load()); }

 private:
  const Clock& here_;
  std::atomic<std::int64_t> ahead_{0};  // microseconds that Redis' clock is ahead of ours
};

// The answer of TIME; nullopt for anything else.
std::optional<WallTime> time_of(const Reply& reply);

}  // namespace medsynth::redis
