// What systemd is told of a process that it started with Type=notify: that it is ready, that it stops, that it reads its
// settings again, and that it is alive; and the sockets that it opened for the process. Where nobody asks, nothing
// happens. Thread safe (immutable). Sources: sd_notify(3), sd_listen_fds(3).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"

namespace medsynth::cli {

class ServiceManager {
 public:
  explicit ServiceManager(const Environment& environment = process_environment);

  void ready() const { tell("READY=1"); }
  void reloading() const;  // until ready()
  void stopping() const { tell("STOPPING=1"); }
  void alive() const { tell("WATCHDOG=1"); }
  // How often alive() is expected; 0: never.
  std::chrono::microseconds patience() const { return patience_; }
  // That listen already, in the order of the socket unit; no child inherits them from here on. invalid_argument (pointer
  // "LISTEN_FDS"): they are not all there.
  Result<std::vector<int>> sockets() const;

 private:
  void tell(std::string_view state) const;  // one datagram, or none where it would have to wait

  std::string socket_;
  std::chrono::microseconds patience_{0};
  std::int64_t socket_count_ = 0;
};

}  // namespace medsynth::cli
