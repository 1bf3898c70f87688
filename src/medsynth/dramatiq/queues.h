// What operators see of queues and do to them: depths, pausing, purging. Queries; a Redis with nothing in it
// is a fine answer.
//
//   Queues queues(broker);
//   auto names = client.run(queues.known());
//   auto states = client.run(queues.states(*names));
//   client.run(queues.pause("medsynth"));
//
// Redis does not know which queues there are: each process knows those it consumes. Ours write theirs down
// (remember()), and scan() looks through the keys for those of others. Queue names must have passed
// check_queue_name(). Thread safe (immutable); the broker outlives it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/dramatiq/broker.h"

namespace medsynth::dramatiq {

struct QueueState {
  std::string name;
  bool paused = false;
  Depth depth;
};

// A message that waits, as it lies in Redis.
struct Waiting {
  std::string redis_message_id;
  std::string payload;  // empty: an id without one
};

// Payloads that have a text, of those that were looked at.
struct Sought {
  std::vector<std::string> payloads;
  std::int64_t looked_at = 0;
  std::int64_t total = 0;
};

class Queues {
 public:
  explicit Queues(const Broker& broker) : broker_(broker) {}

  redis::Query<redis::Done> remember(const std::vector<std::string>& queues) const;
  redis::Query<std::vector<std::string>> known() const;  // sorted
  // Takes them off the list of known ones. Whoever sends to one writes it down again.
  redis::Query<std::int64_t> forget(const std::vector<std::string>& queues) const;
  // Every queue that has a key: looks through all keys of the database, in steps. Sorted.
  redis::Query<std::vector<std::string>> scan() const;
  redis::Query<std::vector<QueueState>> states(std::vector<std::string> queues) const;  // in that order
  redis::Query<std::vector<std::string>> paused() const;

  // Looks through at most about `count` of the messages that a queue has, those in workers' hands, delayed and
  // dead ones too, in no order. Letters of ASCII are alike, and payloads beyond 256 KiB are passed over.
  redis::Query<Sought> search(const std::string& queue, std::string_view text, std::int64_t count) const;

  // A paused queue is not fetched by our workers (Python's know no pause); what they hold already runs, and
  // delayed messages that become due wait in it. True when that changed something.
  redis::Query<bool> pause(const std::string& queue) const;
  redis::Query<bool> resume(const std::string& queue) const;

  // Purging, in steps of at most `count`: look at what waits at the head (of the delay queue too, by its
  // name), end what stands for it, then drop it. What a worker has fetched in between stays with it; answers
  // how many were dropped.
  redis::Query<std::vector<Waiting>> head(const std::string& queue, std::int64_t count) const;
  redis::Query<std::int64_t> drop(const std::string& queue, const std::vector<Waiting>& messages) const;
  // The same for delayed messages that workers hold until they are due, in any order.
  redis::Query<std::vector<Waiting>> held_delayed(const std::string& queue, std::int64_t count) const;
  redis::Query<std::int64_t> drop_held_delayed(const std::string& queue,
                                               const std::vector<Waiting>& messages) const;

 private:
  const Broker& broker_;
};

}  // namespace medsynth::dramatiq
