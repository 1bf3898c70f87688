// Takes messages from queues and their delay queues for one worker process, and keeps what it holds in step
// with Redis. Owns a fetching thread ("ms-fetch"; while it sleeps, what it is notified of is fetched on the
// client's thread) and a timer thread ("ms-beat": heartbeat every 5 s, recovery of dead workers with jitter);
// hands out messages that are due. Settling is pipeline's (or Broker::settle), which then says settled().
//
//   Consumer consumer(client, broker, {.queues = {"medsynth"}});
//   while (auto delivery = consumer.take(1s, stop)) {
//     ...
//     client.run(broker.settle({{.lease = *delivery}}));
//     consumer.settled(std::move(*delivery));
//   }
//   consumer.stop(30s);
//
// Thread safe. Redis being away is not an error: it waits and goes on; what it holds is compared with its ack
// sets when Redis is back. It registers the worker, and takes the client's one subscription set: no other
// part may use that.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/redis/client.h"

namespace medsynth::dramatiq {

struct ConsumerOptions {
  std::vector<std::string> queues{"medsynth"};
  // Messages fetched beyond those being run and those that takers wait for; 0: none.
  std::int64_t prefetch = 1;
  // How long a message is expected to run; nullopt: it waits for admission before it starts, and is not
  // fetched before a taker waits for it. Of the others about 50 ms of work are fetched ahead. Runs on
  // whatever thread fetches.
  std::function<std::optional<std::chrono::microseconds>(const Message&)> expected_work;
  std::chrono::milliseconds heartbeat{5'000};
  std::chrono::milliseconds maintenance{2'000};  // with jitter
  std::chrono::milliseconds sweep{
      60'000};                            // between removals of dead workers' heartbeats, which scan the keys
  std::chrono::milliseconds poll_min{5};  // between looks at an idle queue whose bell is silent: at first,
  std::chrono::milliseconds poll_max{20};     // after a while,
  std::chrono::milliseconds poll_heard{500};  // and after a while where Redis sends keyspace events
};

class Consumer;

// A message that was taken: ours until it is settled, given back, forgotten or left to recovery. Move only;
// one that is dropped gives itself back. Its consumer outlives it.
class Delivery : public Received {
 public:
  Delivery(Received received, Consumer* consumer) : Received(std::move(received)), consumer_(consumer) {}
  Delivery(Delivery&& other) noexcept
      : Received(std::move(other)), consumer_(std::exchange(other.consumer_, nullptr)) {}
  Delivery& operator=(Delivery&&) = delete;
  ~Delivery();
  // It stays in our ack set, and whoever recovers this worker's messages puts it back.
  void leave_to_recovery() { consumer_ = nullptr; }

 private:
  friend class Consumer;
  Consumer* consumer_;
};

class Consumer {
 public:
  // `client` and `broker` outlive it.
  Consumer(redis::Client& client, const Broker& broker, ConsumerOptions options);
  ~Consumer();  // stop(), then wait; what was handed out and is still ours is left to recovery
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // The next message that is due, or nullopt at the timeout, on stop, or when the consumer is stopping.
  std::optional<Delivery> take(std::chrono::milliseconds timeout, std::stop_token stop = {});
  // The next message that waits for admission, alone, or the next ones that do not and are expected to end
  // within 1 ms together. One that waits holds up what others give back until started(), settled(),
  // give_back() or forget().
  std::vector<Delivery> take_some(std::chrono::milliseconds timeout, std::stop_token stop = {});
  void started(const Delivery& delivery);

  // It has left our hands; false: somebody else had it (Broker::settle).
  void settled(Delivery delivery, bool ours = true);
  void settled(std::span<Delivery* const> deliveries, std::int64_t lost);
  // To the head of their queues, unrun, in the order in which they were fetched, and with them all that are
  // ready: as soon as no other one waits to start. Nothing new is fetched before.
  void give_back(std::span<Delivery* const> deliveries);
  // It turned out to be no longer ours (Broker::note_starts): nothing is done with it.
  void forget(Delivery& delivery);
  // A call about a message failed because Redis is away: recovery waits anew.
  void lost_contact();

  // Takes no new messages; gives back those that were not handed out. Returns when that is done or at the
  // timeout; what cannot be given back by then is left to recovery. The heartbeat goes on until the
  // destructor, for what still runs.
  void stop(std::chrono::milliseconds timeout);

  std::int64_t lost_leases() const;

 private:
  // Their ids; they no longer give themselves back.
  static std::vector<std::string> released(std::span<Delivery* const> deliveries);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace medsynth::dramatiq
