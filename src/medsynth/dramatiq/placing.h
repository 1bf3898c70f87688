// How messages become commands: pieces that the sources of Broker share. Internal to this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/dramatiq/keys.h"

namespace medsynth::dramatiq {

inline Keys keys(const BrokerOptions& options) {
  return {options.namespace_};
}

// Of payloads that are read, and decoded, together; a single one may be larger by itself.
inline constexpr std::int64_t kPayloadBytes = 1024 * 1024;

// A message as it lies on its queue from now on, and its new id there.
struct Placed {
  std::string queue;
  std::string id;
  std::string payload;
};
Placed place(Message message, std::optional<WallTime> eta);
std::vector<redis::Command> place_commands(const BrokerOptions& options, Placed placed);
std::string bell_of(const BrokerOptions& options, std::string_view queue);

redis::Query<std::int64_t> sum(redis::Commands commands);

// Takes ids and their payloads apart into `fetched`. Those that cannot be decoded go to the dead letters, one
// by one.
Result<redis::Step<Fetched>> sort_out(const BrokerOptions& options, const std::string& queue,
                                      redis::Reply ids, const redis::Reply& payloads, Fetched fetched);

}  // namespace medsynth::dramatiq
