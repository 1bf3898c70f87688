#include "medsynth/pipeline/ending.h"

namespace medsynth::pipeline {
namespace {

using dramatiq::Settlement;

}  // namespace

Ending ending_of(Outcome outcome, const dramatiq::Lease& lease, const dramatiq::Message& message,
                 tasks::Attempt attempt, const dramatiq::ActorOptions& actor, WallTime now) {
  if (auto* complete = std::get_if<Complete>(&outcome)) {
    auto follow = dramatiq::after_success(message, complete->result, actor, actor.result_keys, now);
    const bool tracked = attempt.number > 0;
    return {tracked ? to_completed(std::move(attempt), std::move(complete->result), now) : tasks::Advance{},
            {.lease = lease, .follow = std::move(follow)}};
  }
  if (auto* retry = std::get_if<Retry>(&outcome)) {
    const WallTime eta = now + retry->delay;
    dramatiq::Message updated = dramatiq::after_failure(message, retry->error, now);
    auto follow = dramatiq::after_error(updated, {std::string(retry->type), retry->error}, false, false,
                                        actor, actor.result_keys, now);
    updated.queue_name = lease.queue;
    return {to_retrying(std::move(attempt), retry->error, eta),
            {.kind = Settlement::Kind::move,
             .lease = lease,
             .updated = std::move(updated),
             .eta = eta,
             .follow = std::move(follow)},
            std::move(retry->error)};
  }
  if (auto* fail = std::get_if<Fail>(&outcome)) {
    const dramatiq::Failure failure{std::string(fail->type), fail->error};
    dramatiq::Message updated = fail->skipped ? message : dramatiq::after_failure(message, fail->error, now);
    auto follow = fail->skipped ? dramatiq::after_skip(updated, failure, actor, actor.result_keys)
                                : dramatiq::after_error(updated, failure, true, fail->exhausted, actor,
                                                        actor.result_keys, now);
    return {to_failed(std::move(attempt), fail->error, now),
            {.kind = Settlement::Kind::dead,
             .lease = lease,
             .updated = std::move(updated),
             .reason = fail->error,
             .follow = std::move(follow)},
            std::move(fail->error)};
  }
  std::string why = std::get<EndCancelled>(outcome).why;
  auto follow = dramatiq::after_skip(message, std::nullopt, actor, actor.result_keys);
  return {to_cancelled(std::move(attempt), why, now),
          {.lease = lease, .follow = std::move(follow)},
          std::move(why)};
}

std::optional<Outcome> outcome_of(const tasks::Record& record, const dramatiq::Message& message,
                                  const dramatiq::RetryPolicy& policy) {
  if (record.text("message_id") != message.message_id) return std::nullopt;
  if (record.status() == tasks::Status::completed) return Complete{std::string(record.raw("result"))};
  if (record.status() == tasks::Status::failed) {
    const bool exhausted = !dramatiq::next_delay(message, policy, 0);
    return Fail{.error = record.text("error").value_or(""), .exhausted = exhausted};
  }
  return std::nullopt;
}

}  // namespace medsynth::pipeline
