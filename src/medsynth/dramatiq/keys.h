// The names of the keys (docs/dramatiq-protocol.md, 2), and of those that are ours alone: they begin with
// "__medsynth__", so Python neither reads them nor mistakes them for its own. Stored: frozen. Pure; internal
// to this room.
#pragma once

#include <string>
#include <string_view>

#include "medsynth/dramatiq/message.h"

namespace medsynth::dramatiq {

// The worker id under whose name delayed messages of a queue are held while our workers live. One per queue:
// Python recovers a queue's delayed messages when nobody of ours works on that queue, whatever happens on
// others.
inline std::string scheduler_id(std::string_view queue) {
  return "medsynth-delays:" + canonical_queue(queue) + ":";
}

struct Keys {
  std::string ns;

  // Dramatiq's. `queue` is a name as consumed, canonical or ".DQ".
  std::string queue(std::string_view queue) const { return join(queue, ""); }
  std::string payloads(std::string_view queue) const { return join(queue, ".msgs"); }
  std::string acks(std::string_view worker, std::string_view queue) const {
    return acks_prefix() + std::string(worker) + "." + std::string(queue);
  }
  std::string acks_prefix() const { return ns + ":__acks__."; }
  std::string heartbeats() const { return ns + ":__heartbeats__"; }
  std::string dead(std::string_view queue) const { return join(canonical_queue(queue), ".XQ"); }
  std::string dead_payloads(std::string_view queue) const { return join(canonical_queue(queue), ".XQ.msgs"); }

  // Ours.
  std::string workers() const { return ours("workers"); }  // hash: worker id -> {"host":...,"pid":...}
  std::string queues() const { return ours("queues"); }    // set: queues that ours consume or send to
  std::string paused() const { return ours("paused"); }    // set: queues that ours do not fetch
  std::string running(std::string_view worker, std::string_view queue) const {
    return ours("running." + std::string(worker) + "." + canonical_queue(queue));
  }  // set: what a worker has started and not settled
  std::string deaths(std::string_view queue) const {
    return ours("deaths." + canonical_queue(queue));
  }  // hash: id -> how many workers died running it
  std::string reasons(std::string_view queue) const {
    return ours("reasons." + canonical_queue(queue));
  }  // hash: dead id -> why
  std::string due(std::string_view queue) const {
    return ours("due." + canonical_queue(queue));
  }  // zset: id on the delay queue -> its eta, ms

 private:
  std::string join(std::string_view queue, std::string_view suffix) const {
    return ns + ":" + std::string(queue) + std::string(suffix);
  }
  std::string ours(std::string_view name) const { return ns + ":__medsynth__." + std::string(name); }
};

}  // namespace medsynth::dramatiq
