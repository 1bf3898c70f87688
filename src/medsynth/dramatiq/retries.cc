#include "medsynth/dramatiq/retries.h"

#include <algorithm>
#include <cmath>

#include "medsynth/base/json.h"

namespace medsynth::dramatiq {
namespace {

constexpr std::chrono::milliseconds kLongest{604'800'000};  // seven days, Dramatiq's cap on every delay
constexpr std::int64_t kMaxDoublings = 32;

std::int64_t retries_of(const Message& message) {
  return std::max<std::int64_t>(0, message.integer_option("retries").value_or(0));
}

void overlay(std::chrono::milliseconds& value, const Message& message, std::string_view name) {
  if (const auto own = message.integer_option(name)) value = std::chrono::milliseconds(*own);
}

}  // namespace

RetryPolicy policy_of(const Message& message, const RetryPolicy& actor) {
  RetryPolicy policy = actor;
  if (message.option("max_retries") == "null") policy.max_retries.reset();
  if (const auto own = message.integer_option("max_retries")) policy.max_retries = *own;
  overlay(policy.min_backoff, message, "min_backoff");
  overlay(policy.max_backoff, message, "max_backoff");
  return policy;
}

std::optional<std::chrono::milliseconds> next_delay(const Message& failed, const RetryPolicy& policy,
                                                    double uniform) {
  const std::int64_t retries = retries_of(failed);
  if (policy.max_retries && retries >= *policy.max_retries) return std::nullopt;
  const double cap =
      static_cast<double>(std::clamp(policy.max_backoff, std::chrono::milliseconds(0), kLongest).count());
  const double least = std::max(0.0, static_cast<double>(policy.min_backoff.count()));
  const double wanted =
      std::floor(std::ldexp(least, static_cast<int>(std::min(retries, kMaxDoublings))) * (1 + uniform));
  const double delay = wanted > cap ? std::floor(cap * (0.5 + uniform / 2)) : wanted;
  return std::chrono::milliseconds(static_cast<std::int64_t>(delay));
}

Message after_failure(Message message, std::string_view traceback, WallTime now) {
  message.set_option("retries", std::to_string(retries_of(message) + 1));
  message.set_option("traceback", json::write_string(traceback));
  message.set_option("requeue_timestamp", std::to_string(millis(now)));
  return message;
}

}  // namespace medsynth::dramatiq
