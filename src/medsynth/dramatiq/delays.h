// The delay queues of a consumer: what lies on them goes into the due index, what is due goes to its
// canonical queue. Internal to this room.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/redis/client.h"

namespace medsynth::dramatiq {

// Delayed messages lie in the due index of their queue, held by its scheduler: a worker id that the heartbeats
// of all our workers on that queue keep alive, so that Python takes them over when we are gone. schedule()
// puts fetched ones there, take_due() takes those whose eta has come into our ack set.
redis::Query<std::int64_t> schedule(const BrokerOptions& options, const std::string& queue,
                                    const std::vector<Received>& delayed, WallTime now);
redis::Query<Fetched> take_due(const BrokerOptions& options, const std::string& queue, WallTime now,
                               std::int64_t count);
// From a delay queue to its canonical queue, without its eta.
Settlement moved_when_due(Received delayed);

// Holds at most one fetch of messages at a time, however many are delayed. One thread at a time.
class Delays {
 public:
  Delays(redis::Client& client, const Broker& broker) : client_(client), broker_(broker) {}

  // What one look at a queue brought. After an error, messages may be in our ack set of the delay queue: give
  // them back.
  struct Look {
    bool found = false;  // then there may be more
    std::int64_t quarantined = 0;
    std::int64_t lost = 0;
    std::optional<Error> trouble = {};  // as of Fetched
  };
  Result<Look> look(const std::string& queue, WallTime now);
  // When the first of all queues is due, as far as the last looks know.
  std::optional<WallTime> next_due() const;

 private:
  redis::Client& client_;
  const Broker& broker_;
  std::map<std::string, WallTime> next_;
};

}  // namespace medsynth::dramatiq
