// How messages leave a worker: a settlement is what becomes of one, and what follows from it. One script does
// both, or neither. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/dramatiq/message.h"
#include "medsynth/redis/query.h"

namespace medsynth::dramatiq {

struct BrokerOptions;

// That a message is ours: in our ack set until it is settled.
struct Lease {
  std::string queue;             // as fetched: canonical or .DQ
  std::string redis_message_id;  // as Redis knows it, whatever the payload says
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

// Broker::settle().
redis::Query<std::vector<bool>> settle(const BrokerOptions& options,
                                       const std::vector<Settlement>& settlements);

}  // namespace medsynth::dramatiq
