// Dramatiq's queues in Redis, as queries with our own scripts. Key layout and meaning:
// docs/dramatiq-protocol.md, 2; Python workers and producers on the same queues never notice the difference.
//
//   Broker broker({.worker_id = new_uuid(), .host = "box"});
//   client.run(broker.enqueue(message));
//   auto fetched = client.run(broker.fetch("medsynth", 1));
//   client.run(broker.ack(fetched->deliveries[0]));
//
// Doing a settling query again is harmless: the second answers false. A Consumer does heartbeats, recovery
// and all that; producers need only enqueue(). Thread safe (immutable).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/dramatiq/message.h"
#include "medsynth/redis/query.h"

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

// That a message is in our hands: in our ack set until it is settled.
struct Lease {
  std::string queue;             // as fetched: canonical or .DQ
  std::string redis_message_id;  // as Redis knows it, whatever the payload says
};
struct Received : Lease {
  Message message;
  bool marked = false;     // it counts as running since it was fetched (fetch() with `start`), without deaths
  bool unaborted = false;  // dramatiq-abort had not cancelled it when it was marked
};
struct Fetched {
  std::vector<Received> deliveries;
  std::int64_t quarantined = 0;           // undecodable payloads that became dead letters, each by itself
  std::optional<WallTime> next_due = {};  // of due(): when the first that is left is due
  bool started = false;                   // of fetch(): noted as started, without deaths
  // Why undecodable ones are still in our ack set: they could not be made dead letters.
  std::optional<Error> trouble = {};
};
// A message on its way to a queue; with an eta to the delay queue.
struct Outgoing {
  Message message;
  std::optional<WallTime> eta = {};
};
// A dead letter of the settled message's queue; it died when its message was built.
struct Letter {
  Message message;  // names the letter in its option `redis_message_id`
  std::string reason;
};
// What follows from settling a message, in the same step or not at all.
struct Follow {
  std::vector<Outgoing> messages = {};
  std::vector<Letter> letters = {};           // what should have followed, and cannot be decoded
  std::vector<redis::Command> commands = {};  // such as storing a result; keys of the same slot on a cluster
  struct Group {  // counts one down, as Dramatiq's barrier does; the last one sends the callbacks
    std::string barrier;
    std::vector<Outgoing> callbacks;
    std::vector<Letter> letters = {};  // callbacks that cannot be decoded
  };
  std::optional<Group> group = {};
};
// How a message leaves our hands.
struct Settlement {
  enum class Kind {
    ack,   // it is done
    dead,  // to the dead letters as `updated`, with `reason` beside it
    move   // to the queue of `updated`, under a new id: with an eta to the delay queue, else to the canonical
  } kind = Kind::ack;
  Lease lease;
  std::optional<Message> updated = {};  // of dead (nothing: as it lies in Redis) and move
  std::string reason = {};
  std::optional<WallTime> eta = {};
  Follow follow = {};
};
// From a delay queue to its canonical queue, without its eta.
Settlement moved_when_due(Received delayed);

struct Depth {
  std::int64_t ready = 0;    // waiting in the list
  std::int64_t delayed = 0;  // in .DQ, waiting or held
  std::int64_t running = 0;  // fetched and not settled, of the canonical queue
  std::int64_t dead = 0;
};
struct WorkerEntry {  // registry of our workers
  std::string worker_id;
  std::string host = {};
  std::int64_t pid = 0;
  std::string pids = {};  // two with the same text here mean the same process by the same pid
};

class Broker {
 public:
  // Redis was always reachable, as far as the caller knows.
  static constexpr std::chrono::milliseconds kAlways = std::chrono::milliseconds::max();

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
  redis::Query<bool> ack(const Lease& lease) const;
  redis::Query<bool> dead(const Lease& lease, Message updated, std::string reason = {}) const;
  redis::Query<bool> retry(const Lease& lease, Message updated, WallTime eta) const;
  redis::Query<bool> move_due(const Received& delayed) const;  // .DQ -> canonical queue

  // Delayed messages lie in the due index of their queue, held by its scheduler: a worker id that the
  // heartbeats of all our workers on that queue keep alive, so that Python takes them over when we are gone.
  // schedule() puts fetched ones there, due() takes those whose eta has come into our ack set.
  redis::Query<std::int64_t> schedule(const std::string& queue, const std::vector<Received>& delayed,
                                      WallTime now) const;
  redis::Query<Fetched> due(const std::string& queue, WallTime now, std::int64_t count) const;

  // To the head, in this order; answers how many were still ours.
  redis::Query<std::int64_t> requeue(const std::string& queue,
                                     const std::vector<std::string>& redis_message_ids) const;

  // Whether each message is still there, in anybody's hands: after a settling whose answer was lost, false
  // means it worked.
  redis::Query<std::vector<bool>> exist(const std::vector<Settlement>& settlements) const;
  // Our ack set of `queue` (canonical or .DQ).
  redis::Query<std::vector<std::string>> held(const std::string& queue) const;

  // Before a message runs: should this worker die before it is settled or given back, whoever recovers it
  // counts a death of the message. Answers how many workers died running it, or -1: the lease was lost, do
  // not run it.
  redis::Query<std::int64_t> note_start(const Lease& lease) const;
  // The same for many messages of one queue, in one exchange.
  redis::Query<std::vector<std::int64_t>> note_starts(const std::string& queue,
                                                      std::vector<std::string> redis_message_ids) const;

  // They did not start after all.
  redis::Query<redis::Done> forget_starts(const std::string& queue,
                                          const std::vector<std::string>& redis_message_ids) const;

  redis::Query<redis::Done> register_worker(std::int64_t pid) const;  // before the first fetch
  // After everything of these queues was settled or requeued; false when our ack sets say otherwise, and then
  // we stay known.
  redis::Query<bool> unregister_worker(const std::vector<std::string>& queues) const;
  // Ours, and that of the schedulers of `queues`. Answers Redis' own TIME.
  redis::Query<WallTime> heartbeat(const std::vector<std::string>& queues = {}) const;
  redis::Query<std::vector<WorkerEntry>> our_workers() const;
  // Puts back what dead workers held of `queue` and its delay queue, to the head; expires old dead letters.
  // Deterministic, idempotent. Takes a lease only when Redis was reachable for as long as that lease
  // (recovery.h).
  redis::Query<std::int64_t> recover(const std::string& queue,
                                     std::chrono::milliseconds reachable_for = kAlways) const;
  // The same for one worker that is known to be dead, at once; or for ourselves at an orderly end, which is
  // no death.
  redis::Query<std::int64_t> recover_worker(const std::string& queue, const std::string& worker_id) const;
  // Removes the heartbeats of dead workers that hold nothing on any queue. Scans the keys, in small steps: do
  // it rarely.
  redis::Query<std::int64_t> forget_dead_workers(std::chrono::milliseconds reachable_for = kAlways) const;

  redis::Query<Depth> depth(const std::string& queue) const;
  // The hash of a queue's messages (canonical or .DQ), waiting or in somebody's hands.
  std::string messages_key(const std::string& queue) const;

  const BrokerOptions& options() const { return options_; }

 private:
  redis::Command settle_one(const Settlement& settlement) const;
  redis::Command reclaim(const std::string& queue, std::string_view worker, std::string limit) const;

  BrokerOptions options_;
};

}  // namespace medsynth::dramatiq
