// Dramatiq's queues in Redis, as queries with our own scripts. Key layout and meaning:
// docs/dramatiq-protocol.md, 2; Python workers and producers on the same queues never notice the difference.
//
//   Broker broker({.worker_id = new_uuid(), .host = "box"});
//   client.run(broker.enqueue(message));
//   auto fetched = client.run(broker.fetch("medsynth", 1));
//   client.run(broker.settle({{.lease = fetched->deliveries[0]}}));
//
// Settling again is harmless: the second returns false. A Consumer does heartbeats (workers.h), delays,
// recovery and all that; producers need only enqueue(). Thread safe (immutable).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/dramatiq/fetched.h"
#include "medsynth/dramatiq/settlement.h"

namespace medsynth::dramatiq {

struct BrokerOptions {
  std::string namespace_ = "dramatiq";
  std::string worker_id;                                // a fresh UUID per process; empty: one is made
  std::string host;                                     // for the registry of our workers
  std::string pids;                                     // the same: who numbers its processes
  std::chrono::milliseconds our_timeout{15'000};        // our workers beat every 5 s
  std::chrono::milliseconds heartbeat_timeout{60'000};  // Python workers'
  std::chrono::milliseconds dead_message_ttl{604'800'000};
  int database = 0;  // channels carry it
};

struct Depth {
  std::int64_t ready = 0;    // waiting in the list
  std::int64_t delayed = 0;  // in .DQ, waiting or held
  std::int64_t running = 0;  // fetched and not settled, of the canonical queue
  std::int64_t dead = 0;
};

class Broker {
 public:
  explicit Broker(BrokerOptions options);

  // The commands that put a message on its queue (or, with an eta, on its delay queue) and ring the bell: for
  // a script that does more at once (tasks::Store::create). Sets options.redis_message_id, and eta when
  // delayed. The message must have passed check().
  std::vector<redis::Command> enqueue_commands(Message message, std::optional<WallTime> eta = {}) const;
  redis::Query<redis::Done> enqueue(Message message, std::optional<WallTime> eta = {}) const;  // one script
  // Many in few scripts, in their order on each queue; those of one script all or none.
  redis::Query<redis::Done> enqueue(std::vector<Outgoing> messages) const;
  std::string bell_channel(const std::string& queue) const;
  // What a waiting consumer listens on: the bell, and the keyspace events of the queue and its delay queue
  // ("rpush" and "lpush" are meant; a Redis that sends none is silent there).
  std::vector<std::string> bell_channels(const std::string& queue) const;

  // Takes up to `count` messages (at most 1,000) into our ack set, heartbeat included, one script. `start`:
  // for whoever starts them as soon as they are there, as note_starts() does, unless there are deaths to tell
  // of; then it asks for aborts, too.
  redis::Query<Fetched> fetch(const std::string& queue, std::int64_t count, bool start = false) const;
  // Settling: true where the message was still ours; false: the lease was lost, somebody else has it, nothing
  // was done. Mere acks of one queue are one script, the others one script each; all are one exchange.
  redis::Query<std::vector<bool>> settle(const std::vector<Settlement>& settlements) const;
  // To the head, in this order; answers how many were still ours.
  redis::Query<std::int64_t> requeue(const std::string& queue,
                                     const std::vector<std::string>& redis_message_ids) const;

  // Whether each message is still there, in anybody's hands: after a settling whose answer was lost, false
  // means it worked.
  redis::Query<std::vector<bool>> exist(const std::vector<Settlement>& settlements) const;
  // Our ack set of `queue` (canonical or .DQ).
  redis::Query<std::vector<std::string>> held(const std::string& queue) const;

  // Before messages of one queue run: should this worker die before they are settled or given back, whoever
  // recovers them counts a death of each. Returns how many workers died running each, or -1: the lease was
  // lost, do not run it.
  redis::Query<std::vector<std::int64_t>> note_starts(const std::string& queue,
                                                      std::vector<std::string> redis_message_ids) const;
  // They did not start after all.
  redis::Query<redis::Done> forget_starts(const std::string& queue,
                                          const std::vector<std::string>& redis_message_ids) const;

  redis::Query<Depth> depth(const std::string& queue) const;
  // The hash of a queue's messages (canonical or .DQ), waiting or in somebody's hands.
  std::string messages_key(const std::string& queue) const;

  const BrokerOptions& options() const { return options_; }

 private:
  BrokerOptions options_;
};

}  // namespace medsynth::dramatiq
