// What the names of this room's keys begin with. Stored: frozen. Internal to this room.
#pragma once

#include <string>

#include <fmt/format.h>

#include "medsynth/fleet/fleet.h"

namespace medsynth::fleet {

// The prefix is last: with a hash tag in it ("{a}task:") all keys of ours share its slot.
inline std::string key_base(const FleetOptions& options) {
  return fmt::format("medsynth:{}:{}:{}:", options.database, options.namespace_, options.prefix);
}

}  // namespace medsynth::fleet
