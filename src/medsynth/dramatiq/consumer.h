// Takes messages from queues and their delay queues for one worker process. Owns a fetching thread
// ("ms-fetch") and a timer thread ("ms-beat": heartbeat every 5 s, recovery of dead workers with jitter);
// hands out messages that are due.
//
//   Consumer consumer(client, broker, {.queues = {"medsynth"}});
//   while (auto delivery = consumer.take(1s, stop)) consumer.ack(*delivery);
//   consumer.stop(30s);
//
// Thread safe. Redis being away is not an error: it waits and goes on; what it had in hand is compared with
// its ack sets when Redis is back. It registers the worker, and takes the client's one subscription set: no
// other part may use that.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/redis/client.h"

namespace medsynth::dramatiq {

struct ConsumerOptions {
  std::vector<std::string> queues{"medsynth"};
  std::int64_t prefetch =
      1;  // messages in hand beyond those being run and those that takers wait for; 0: none
  std::int64_t delayed_prefetch = 1000;
  std::chrono::milliseconds heartbeat{5'000};
  std::chrono::milliseconds maintenance{2'000};  // with jitter
  std::chrono::milliseconds sweep{
      60'000};  // between removals of dead workers' heartbeats, which scan the keys
  std::chrono::milliseconds poll_min{50};   // between looks at an idle queue whose bell is silent: at first,
  std::chrono::milliseconds poll_max{500};  // and after a while
};

class Consumer {
 public:
  // `client` and `broker` outlive it.
  Consumer(redis::Client& client, const Broker& broker, ConsumerOptions options);
  ~Consumer();  // stop(), then wait; every message handed out must have been settled or is left to recovery
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // The next message that is due, or nullopt at the timeout, on stop, or when the consumer is stopping.
  std::optional<Delivery> take(std::chrono::milliseconds timeout, std::stop_token stop = {});

  // Settles a message that take() gave, retrying while Redis is away until it worked; after stop() until its
  // timeout has passed. False: the lease was lost, or it never worked (then recovery puts the message back).
  bool ack(const Delivery& delivery);
  bool dead(const Delivery& delivery, Message updated, std::string reason = {});
  bool retry(const Delivery& delivery, Message updated, WallTime eta);
  void give_back(const Delivery& delivery);  // to the head of its queue, unrun

  // Takes no new messages; gives back those that were not handed out. Returns when that is done or at the
  // timeout. The heartbeat goes on until the destructor, for what still runs.
  void stop(std::chrono::milliseconds timeout);

  std::int64_t lost_leases() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace medsynth::dramatiq
