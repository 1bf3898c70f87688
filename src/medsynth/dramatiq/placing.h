// How messages become commands, and other pieces that the sources of this room share. Pure; internal to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/dramatiq/keys.h"
#include "medsynth/dramatiq/queues.h"

namespace medsynth::dramatiq {

inline Keys keys(const BrokerOptions& options) {
  return {options.namespace_};
}

inline constexpr std::int64_t kMaxIds = 1000;  // that Lua may unpack at once, with room to spare

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

// Of the first of these ids of a hash of messages, as many as are not too many bytes together.
redis::Query<std::vector<Waiting>> payloads_of(const std::string& hash, std::vector<std::string> ids);
// A score as RESP3 or RESP2 writes it; a client may have written a fraction.
std::int64_t score(const redis::Reply& reply);

redis::Query<std::int64_t> sum(redis::Commands commands);

}  // namespace medsynth::dramatiq
