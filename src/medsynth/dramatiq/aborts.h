// What dramatiq-abort, Python's usual add-on, says about messages: one with a cancel key must not start, a
// running one with an abort key must stop, perhaps some time later. Looking takes nothing away, so that a
// worker that dies in between forgets nothing: forget() when the message is settled. Our own cancelling
// writes the cancel key too (tasks::Store).
//
//   if (client.run(cancelled({message.message_id}))->front()) ...
//
// Pure. The keys carry no namespace of ours: they are the add-on's own, and live as long as it says (90 s).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "medsynth/dramatiq/middleware.h"
#include "medsynth/redis/query.h"

namespace medsynth::dramatiq {

// Whether aborts of this message are obeyed: its option `abortable`, else the actor's.
bool is_abortable(const Message& message, const ActorOptions& actor);

// For each message, whether it must not start. One command while none of them has a key.
redis::Query<std::vector<bool>> cancelled(std::vector<std::string> message_ids);

// For each running message: how long after the request it may still run, or nullopt when nobody asked it to
// stop.
redis::Query<std::vector<std::optional<std::chrono::milliseconds>>> abort_times(
    const std::vector<std::string>& message_ids);

redis::Query<redis::Done> forget_abort(const std::string& message_id);

}  // namespace medsynth::dramatiq
