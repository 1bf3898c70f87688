// Redis' clock, as far as it can be known here: what TIME answered, and the time that has gone by since. Times
// that another process compares with its own are taken from here, so that two machines whose clocks differ
// agree, and one whose clock is set meanwhile says nothing wrong until it asks again. Thread safe.
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
  explicit ServerClock(const Clock& here = system_clock())
      : here_(here), began_(here.elapsed()), began_at_(here.now()) {}

  // Until Redis was heard: this machine's time, as it was when this object began.
  WallTime now() const override { return at(here_.elapsed()) + ahead(); }
  SteadyTime steady() const override { return here_.steady(); }
  SteadyTime coarse_steady() const override { return here_.coarse_steady(); }
  SteadyTime elapsed() const override { return here_.elapsed(); }

  // Redis' time `theirs` belongs to a moment between these two of elapsed(). What is known already stays where
  // it agrees, so that a slow answer makes nothing worse, and one machine's clocks are one.
  void heard(SteadyTime asked, WallTime theirs, SteadyTime answered);
  std::chrono::microseconds ahead() const { return std::chrono::microseconds(ahead_.load()); }

 private:
  WallTime at(SteadyTime elapsed) const {
    return began_at_ + std::chrono::duration_cast<std::chrono::microseconds>(elapsed - began_);
  }

  const Clock& here_;
  const SteadyTime began_;
  const WallTime began_at_;
  std::atomic<std::int64_t> ahead_{0};  // microseconds that Redis' clock is ahead of at()
};

// The answer of TIME; nullopt for anything else.
std::optional<WallTime> time_of(const Reply& reply);

}  // namespace medsynth::redis
