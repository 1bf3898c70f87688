// Time, injected. Wall time has microseconds and is UTC; steady time never jumps. Both are thread safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "medsynth/base/error.h"

namespace medsynth {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual SteadyTime steady() const = 0;
  // Behind steady() by up to a tick of the kernel (10 ms at most), at a quarter of its price.
  virtual SteadyTime coarse_steady() const { return steady(); }
  // As steady(), but it goes on while the machine sleeps. Compare it with itself alone.
  virtual SteadyTime elapsed() const { return steady(); }
};

// The machine's clock. One object for the whole process.
const Clock& system_clock();

// A clock that stands still until it is told to move: for tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime{std::chrono::microseconds{1'700'000'000'000'000}});
  WallTime now() const override;
  SteadyTime steady() const override;
  void advance(std::chrono::microseconds by);  // moves both
  void set(WallTime wall);                     // as somebody sets a machine's clock

 private:
  std::atomic<std::int64_t> wall_;
  std::atomic<std::int64_t> steady_{0};
};

// RFC 3339 in UTC with microseconds: "2026-11-23T21:06:46.000123Z". Stored in task records: frozen.
std::string rfc3339(WallTime time);
// Accepts what rfc3339 writes, any number of fraction digits, "+00:00"-like offsets (older Python), and no
// offset (UTC).
Result<WallTime> parse_rfc3339(std::string_view text);

inline std::int64_t micros(WallTime time) {
  return time.time_since_epoch().count();
}
inline std::int64_t millis(WallTime time) {
  return time.time_since_epoch().count() / 1000;
}

}  // namespace medsynth
