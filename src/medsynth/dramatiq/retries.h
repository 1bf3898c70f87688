// When a failed message runs again: Dramatiq 2.x's backoff (docs/dramatiq-protocol.md, 4.1). Pure: `uniform`
// is a number in [0, 1).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "medsynth/dramatiq/message.h"

namespace medsynth::dramatiq {

struct RetryPolicy {
  std::optional<std::int64_t> max_retries = 20;  // nullopt: for ever
  std::chrono::milliseconds min_backoff{15'000};
  std::chrono::milliseconds max_backoff{604'800'000};
};

// The actor's policy with the message's own options over it.
RetryPolicy policy_of(const Message& message, const RetryPolicy& actor);

// Delay before the next attempt, or nullopt when the message has had its last one.
std::optional<std::chrono::milliseconds> next_delay(const Message& failed, const RetryPolicy& policy,
                                                    double uniform);

// The message as it goes to the delay queue: retries + 1, traceback, requeue_timestamp.
Message after_failure(Message message, std::string_view traceback, WallTime now);

}  // namespace medsynth::dramatiq
