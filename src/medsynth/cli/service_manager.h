// What systemd is told of a process that it started with Type=notify: that it is ready, that it stops, and
// that it is alive. Where nobody asks, nothing happens. Thread safe (immutable). Source: sd_notify(3).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "medsynth/base/settings.h"

namespace medsynth::cli {

class ServiceManager {
 public:
  explicit ServiceManager(const Environment& environment = process_environment);

  void ready() const { tell("READY=1"); }
  void stopping() const { tell("STOPPING=1"); }
  void alive() const { tell("WATCHDOG=1"); }
  // How often alive() is expected; 0: never.
  std::chrono::microseconds patience() const { return patience_; }

 private:
  void tell(std::string_view state) const;  // one datagram, or none where it would have to wait

  std::string socket_;
  std::chrono::microseconds patience_{0};
};

}  // namespace medsynth::cli
