// The delay queues of a consumer: what lies on them goes into the due index, what is due goes to its
// canonical queue. Holds at most one fetch of messages at a time, however many are delayed. One thread at a
// time; internal to this room.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/redis/client.h"

namespace medsynth::dramatiq {

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
