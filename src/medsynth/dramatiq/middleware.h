// What Dramatiq's middleware makes of a message that ran (docs/dramatiq-protocol.md, 4): age limit,
// callbacks, pipelines, groups, results, exhausted retries. Pure: the outcome in, what follows from it out;
// the broker does it in the step that settles the message, so that none of it is lost or done twice. An
// option of the message goes before the actor's.
//
// Callbacks name an actor, and no queue: ours go to the queue of the message.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/dramatiq/retries.h"

namespace medsynth::dramatiq {

// Results as Dramatiq's RedisBackend keeps them: under an MD5, or readable (use_namespace_prefix_keys).
struct ResultKeys {
  std::string ns = "dramatiq-results";
  bool readable = false;
};

// What is said once about an actor; the defaults are Dramatiq's.
struct ActorOptions {
  RetryPolicy retries = {};
  std::chrono::milliseconds time_limit{600'000};
  std::optional<std::chrono::milliseconds> max_age = {};
  std::string on_success = {};  // names of actors
  std::string on_failure = {};
  std::string on_retry_exhausted = {};
  bool pipe_ignore = false;
  bool store_results = false;
  std::chrono::milliseconds result_ttl{600'000};
  ResultKeys result_keys = {};
  bool abortable = true;  // by dramatiq-abort (aborts.h)
};

// Whether it is older than its limit: a dead letter then, unrun. Age counts from when the message was built.
bool is_too_old(const Message& message, const ActorOptions& actor, WallTime now);

// A failure as Python shows it: the name of an exception, and its text.
struct Failure {
  std::string type;
  std::string text;
};

// `result` is JSON text.
Follow after_success(const Message& message, std::string_view result, const ActorOptions& actor,
                     const ResultKeys& keys, WallTime now);
// `message` as it goes on: with its retries and traceback. `retries` and `max_retries` are of the attempt
// that failed; `gave_up`: it becomes a dead letter; `exhausted`: because its retries are used up.
Follow after_error(const Message& message, const Failure& failure, bool gave_up, bool exhausted,
                   const ActorOptions& actor, const ResultKeys& keys, WallTime now);
// It was not run: cancelled, or with a failure refused before it began. Of that no callback is told.
Follow after_skip(const Message& message, const std::optional<Failure>& failure, const ActorOptions& actor,
                  const ResultKeys& keys);

}  // namespace medsynth::dramatiq
