// Settles what a consumer handed out, for tests and peers without an executor: tried until Redis has done it.
#pragma once

#include <chrono>
#include <stop_token>
#include <thread>
#include <utility>

#include "medsynth/dramatiq/consumer.h"
#include "medsynth/redis/client.h"

namespace medsynth::test {

// Whether it was still ours. On `stop` it is left to recovery.
inline bool settle(redis::Client& client, const dramatiq::Broker& broker, dramatiq::Consumer& consumer,
                   dramatiq::Delivery delivery, dramatiq::Settlement settlement, std::stop_token stop = {}) {
  settlement.lease = delivery;
  for (bool in_doubt = false;; in_doubt = true) {
    if (const auto ours = client.run(broker.settle({settlement}))) {
      const auto there = in_doubt && !ours->front() ? client.run(broker.exist({settlement})).value()
                                                    : std::vector<bool>{true};
      const bool is_ours = ours->front() || !there.front();
      consumer.settled(std::move(delivery), is_ours);
      return is_ours;
    }
    consumer.lost_contact();
    if (stop.stop_requested()) {
      delivery.leave_to_recovery();
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace medsynth::test
