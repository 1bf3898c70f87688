// Results as Dramatiq's RedisBackend keeps them: what ours store, Python reads, and the other way round.
//
//   const auto result = client.run(result_of(message, {}));  // nullopt: not there yet
//
// Looking takes nothing away. Pure.
#pragma once

#include <optional>
#include <string>

#include "medsynth/dramatiq/middleware.h"
#include "medsynth/redis/query.h"

namespace medsynth::dramatiq {

struct StoredResult {
  std::string value;                    // JSON text, of a message that ended well
  std::optional<Failure> failure = {};  // of one that was given up
};

std::string result_key(const Message& message, const ResultKeys& keys);
// By queue, actor and id of the message. `internal` when what lies there is no result.
redis::Query<std::optional<StoredResult>> result_of(const Message& message, const ResultKeys& keys);

}  // namespace medsynth::dramatiq
