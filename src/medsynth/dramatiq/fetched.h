// How messages come to a worker: taken from Redis by their ids, and decoded. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "medsynth/dramatiq/settlement.h"

namespace medsynth::dramatiq {

struct Received : Lease {
  Message message;
  bool marked = false;     // it counts as running since it was fetched (fetch() with `start`), without deaths
  bool unaborted = false;  // dramatiq-abort had not cancelled it when it was marked
};
struct Fetched {
  std::vector<Received> deliveries;
  std::int64_t quarantined = 0;           // undecodable payloads that became dead letters, each by itself
  std::optional<WallTime> next_due = {};  // of due(): when the first that is left is due
  bool started = false;                   // of fetch(): noted as started, without deaths
  // Why undecodable ones are still in our ack set: they could not be made dead letters.
  std::optional<Error> trouble = {};
};

// Takes ids and their payloads apart into `fetched`. Those that cannot be decoded go to the dead letters, one
// by one.
Result<redis::Step<Fetched>> decode_fetched(const BrokerOptions& options, const std::string& queue,
                                            redis::Reply ids, const redis::Reply& payloads, Fetched fetched);

}  // namespace medsynth::dramatiq
