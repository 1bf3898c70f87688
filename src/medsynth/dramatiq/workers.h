// Who works on the queues: the registry of our workers, heartbeats, and taking over from the dead. Queries.
//
//   Workers workers(broker);
//   client.run(workers.enter(getpid()));         // before the first fetch
//   client.run(workers.beat({"medsynth"}));      // every 5 s
//   client.run(workers.recover("medsynth"));     // what others left behind
//   client.run(workers.leave({"medsynth"}));
//
// Whose messages may be taken is decided in recovery.h. Thread safe (immutable); the broker outlives it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "medsynth/dramatiq/broker.h"

namespace medsynth::dramatiq {

struct WorkerEntry {  // registry of our workers
  std::string worker_id;
  std::string host = {};
  std::int64_t pid = 0;
  std::string pids = {};  // two with the same text here mean the same process by the same pid
};
struct Heartbeat {
  std::string worker_id;  // of our workers and of Python's; not of the schedulers of delayed messages
  std::chrono::milliseconds silent_for{0};  // by Redis' own clock
};

class Workers {
 public:
  // Redis was always reachable, as far as the caller knows.
  static constexpr std::chrono::milliseconds kAlways = std::chrono::milliseconds::max();

  explicit Workers(const Broker& broker) : broker_(broker) {}

  redis::Query<redis::Done> enter(std::int64_t pid) const;  // this worker, before its first fetch
  // After everything of these queues was settled or requeued; false when our ack sets say otherwise, and then
  // we stay known.
  redis::Query<bool> leave(const std::vector<std::string>& queues) const;
  // Ours, and that of the schedulers of `queues`. Returns Redis' own TIME.
  redis::Query<WallTime> beat(const std::vector<std::string>& queues = {}) const;

  redis::Query<std::vector<WorkerEntry>> ours() const;
  redis::Query<std::vector<Heartbeat>> heartbeats() const;

  // Puts back what dead workers held of `queue` and its delay queue, to the head; expires old dead letters.
  // Deterministic, idempotent. Takes a lease only when Redis was reachable for as long as that lease.
  redis::Query<std::int64_t> recover(const std::string& queue,
                                     std::chrono::milliseconds reachable_for = kAlways) const;
  // The same for one worker that is known to be dead, at once; or for ourselves at an orderly end, which is
  // no death.
  redis::Query<std::int64_t> recover_from(const std::string& worker_id, const std::string& queue) const;
  // Removes the heartbeats of dead workers that hold nothing on any queue. Scans the keys, in small steps: do
  // it rarely.
  redis::Query<std::int64_t> forget_dead(std::chrono::milliseconds reachable_for = kAlways) const;

 private:
  const Broker& broker_;
};

}  // namespace medsynth::dramatiq
