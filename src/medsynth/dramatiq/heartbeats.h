// Who gave a sign of life on Dramatiq's heartbeats, and how long ago by Redis' own clock. For people who
// look; who may be taken for dead is decided in recovery.h.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "medsynth/dramatiq/broker.h"

namespace medsynth::dramatiq {

struct Heartbeat {
  std::string worker_id;  // of our workers and of Python's; not of the schedulers of delayed messages
  std::chrono::milliseconds silent_for{0};
};
redis::Query<std::vector<Heartbeat>> heartbeats(const Broker& broker);

}  // namespace medsynth::dramatiq
