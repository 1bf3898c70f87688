// What becomes of a message after it ran: the decision, without doing it. Pure.
#pragma once

#include <string>
#include <variant>

#include "medsynth/base/error.h"
#include "medsynth/dramatiq/retries.h"
#include "medsynth/pipeline/attempt.h"

namespace medsynth::pipeline {

// Why a task was asked to stop, if it was.
enum class StopCause { none, cancelled, shutdown };

struct Complete {
  std::string result;  // JSON text
};
struct Retry {
  std::string error;
  std::chrono::milliseconds delay;
  std::string_view type = "RuntimeError";  // the exception that Python's callbacks and results are told of
};
struct Fail {  // to the dead letters
  std::string error;
  std::string_view type = "RuntimeError";
  bool exhausted = false;  // because its retries are used up
  bool skipped = false;    // it was not even tried, and no callback is told
};
struct EndCancelled {
  std::string why;
};
struct GiveBack {};  // to the head of the queue: the attempt does not count
using Outcome = std::variant<Complete, Retry, Fail, EndCancelled, GiveBack>;
End end_of(const Outcome& outcome);  // precondition: it is not GiveBack

struct Finished {
  Result<std::string> result;
  StopCause stop = StopCause::none;
};

// What an actor returns that found no room under a rate limit.
Error rate_limit_exceeded(std::string_view key);

// `uniform` is a random number in [0, 1) for the backoff. Wrong arguments and results above the size limit
// are never retried: they would fail again.
Outcome decide(Finished run, const dramatiq::Message& message, const dramatiq::RetryPolicy& policy,
               double uniform);

}  // namespace medsynth::pipeline
