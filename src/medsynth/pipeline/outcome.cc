#include "medsynth/pipeline/outcome.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/base/json.h"
#include "medsynth/jobs/jobs.h"

namespace medsynth::pipeline {
namespace {

bool is_worth_retrying(Code code) {
  return code != Code::invalid_argument && code != Code::not_found && code != Code::not_allowed;
}

constexpr std::string_view kNoRoom = "rate_limit_exceeded";

std::string_view exception_of(const Error& error) {
  if (error.code == Code::timeout) return "TimeLimitExceeded";
  if (error.reason == kNoRoom) return "RateLimitExceeded";
  return error.code == Code::invalid_argument ? "ValueError" : "RuntimeError";
}

// Everybody reads what is kept, and NaN is no JSON.
Outcome kept(std::string result) {
  if (json::is_json(result)) return Complete{std::move(result)};
  return Fail{
      "the result is not JSON: it has a number that is NaN or infinite, as a damaged model gives, or more "
      "than 64 "
      "levels; compare the model's file with its source"};
}

}  // namespace

End end_of(const Outcome& outcome) {
  if (std::holds_alternative<Complete>(outcome)) return End::completed;
  if (std::holds_alternative<Retry>(outcome)) return End::retrying;
  return std::holds_alternative<Fail>(outcome) ? End::failed : End::cancelled;
}

Error rate_limit_exceeded(std::string_view key) {
  return {Code::exhausted, fmt::format("rate limit exceeded for key '{}'", key), std::string(kNoRoom)};
}

Outcome decide(Finished run, const dramatiq::Message& message, const dramatiq::RetryPolicy& policy,
               double uniform) {
  if (run.result) {
    if (run.result->size() <= jobs::kMaxResultBytes) return kept(std::move(*run.result));
    return Fail{fmt::format("the result has {} bytes; at most {} can be kept: ask for less at once",
                            run.result->size(), jobs::kMaxResultBytes)};
  }
  const Error& error = run.result.error();
  if (run.stop == StopCause::cancelled) return EndCancelled{"cancelled while it ran"};
  if (run.stop == StopCause::shutdown) return GiveBack{};
  const std::string_view type = exception_of(error);
  if (!is_worth_retrying(error.code)) return Fail{error.message, type};
  const auto delay = dramatiq::next_delay(message, policy, uniform);
  if (!delay) return Fail{error.message, type, true};
  const std::chrono::milliseconds least = error.retry_after.value_or(std::chrono::seconds{0});
  return Retry{error.message, std::max(*delay, least), type};
}

}  // namespace medsynth::pipeline
