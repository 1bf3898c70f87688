// Sends messages to queues from a C++ program, one or many at a time; any Dramatiq worker may run them.
//
//   Producer producer(client, broker);
//   BOOST_OUTCOME_TRY(producer.send(make_message("medsynth", "detect_contradiction", kwargs, clock.now())));
//   BOOST_OUTCOME_TRY(producer.send(std::move(thousands)));   // some hundred in each script, some scripts at
//   once
//
// Thread safe. `client` and `broker` outlive it. Blocks up to the client's timeout per exchange. It writes no
// task records: a worker makes them when it first sees the message.
#pragma once

#include <chrono>
#include <vector>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/redis/client.h"

namespace medsynth::dramatiq {

class Producer {
 public:
  Producer(redis::Client& client, const Broker& broker) : client_(client), broker_(broker) {}

  // invalid_argument with the field that Python could not decode: then nothing was sent. Other errors are the
  // client's, and the message may or may not have been sent.
  Result<> send(Message message, std::chrono::milliseconds delay = {}) const;
  // In this order on each queue. All are checked first (the error's pointer begins with the place in the
  // list: "/17/args"); after another error those sent are the first ones of each queue.
  Result<> send(std::vector<Outgoing> messages) const;

 private:
  redis::Client& client_;
  const Broker& broker_;
};

}  // namespace medsynth::dramatiq
