// Idempotency-Key on POST: the first request with a key stores which body it had and which task it made, in
// the same script that makes the task; a repetition is answered as the first was. Kept for 24 hours. Pure.
//
// The draft of the standard has a 409 for "the first is still running". Here the first is one atomic script:
// there is no moment in which a second request could see it half done, so of two that race one makes the task
// and the other replays.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "medsynth/api/http.h"
#include "medsynth/base/error.h"
#include "medsynth/tasks/store.h"

namespace medsynth::api {

struct IdempotencyKey {
  std::string redis_key;  // "<prefix>\x1f" "idempotency:<digest>": no task id can collide with it
  std::string digest;     // of body and query
};

// nullopt: the request has no key. invalid_argument, pointer "/Idempotency-Key": not 1-255 printable ASCII
// characters.
Result<std::optional<IdempotencyKey>> idempotency_key(const Request& request, std::string_view task_prefix);

tasks::Guard guard(const IdempotencyKey& key, std::string_view task_id);

// The id of the task that the first request made. invalid_argument, reason "idempotency_key_reused": its body
// was another.
Result<std::string> replayed_task(const IdempotencyKey& key, std::string_view stored);

}  // namespace medsynth::api
