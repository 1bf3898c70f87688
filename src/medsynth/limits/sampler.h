// Readings of the sensors, at most one per check interval, made by whoever asks when one is due: no thread,
// so nothing is lost in a forked child and an idle process does nothing. Thread safe; while one thread reads,
// the others get the reading before, unless that is old: then all that it measured is unknown. The first one
// may take as long as the sensors' first window.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/limits/sensors.h"

namespace medsynth::limits {

struct Reading {
  Sample sample;
  WallTime from;                      // what is measured over time goes back to then
  std::vector<ProcessUse> processes;  // those watched, and this one
  const ProcessUse* find(std::int32_t pid) const;
};

class Sampler {
 public:
  Sampler(Sensors& sensors, const Clock& clock, std::chrono::milliseconds interval);

  std::shared_ptr<const Reading> latest();
  // The processes to look at from the next reading on. Never blocks for a reading.
  void watch(std::vector<std::int32_t> pids);

 private:
  std::shared_ptr<const Reading> read();
  std::shared_ptr<const Reading> last_within(std::chrono::milliseconds age) const;
  std::shared_ptr<const Reading> nothing() const;
  Sensors& sensors_;
  const Clock& clock_;
  const std::chrono::milliseconds interval_;
  std::timed_mutex reading_;  // held while the sensors are read
  mutable std::mutex mutex_;  // guards what follows, never held for long
  std::vector<std::int32_t> watched_;
  std::shared_ptr<const Reading> last_;
  SteadyTime last_at_ = {};
  std::optional<WallTime> before_;  // guarded by reading_: when the last reading was made
};

}  // namespace medsynth::limits
