// Settling one message, for tests and peers without an executor.
#pragma once

#include <chrono>
#include <stop_token>
#include <thread>
#include <utility>

#include "medsynth/dramatiq/consumer.h"
#include "medsynth/dramatiq/delays.h"
#include "medsynth/redis/client.h"

namespace medsynth::test {

// Of a query about one.
template <class T>
redis::Query<T> only(redis::Query<std::vector<T>> query) {
  return redis::then<T>(std::move(query), [](const std::vector<T>& all) { return T(all.front()); });
}
inline redis::Query<bool> ack(const dramatiq::Broker& broker, const dramatiq::Lease& lease) {
  return only(broker.settle({{.lease = lease}}));
}
inline redis::Query<bool> dead(const dramatiq::Broker& broker, const dramatiq::Lease& lease,
                               dramatiq::Message updated, std::string reason = {}) {
  return only(broker.settle({{.kind = dramatiq::Settlement::Kind::dead,
                              .lease = lease,
                              .updated = std::move(updated),
                              .reason = std::move(reason)}}));
}
inline redis::Query<bool> retry(const dramatiq::Broker& broker, const dramatiq::Lease& lease,
                                dramatiq::Message updated, WallTime eta) {
  updated.queue_name = lease.queue;
  return only(broker.settle({{.kind = dramatiq::Settlement::Kind::move,
                              .lease = lease,
                              .updated = std::move(updated),
                              .eta = eta}}));
}
inline redis::Query<bool> move_due(const dramatiq::Broker& broker, const dramatiq::Received& delayed) {
  return only(broker.settle({dramatiq::moved_when_due(delayed)}));
}
inline redis::Query<std::int64_t> note_start(const dramatiq::Broker& broker, const dramatiq::Lease& lease) {
  return only(broker.note_starts(lease.queue, {lease.redis_message_id}));
}

// What a consumer handed out: tried until Redis has done it. Whether it was still ours. On `stop` it is left
// to recovery.
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
