#include "medsynth/dramatiq/consumer.h"

#include <pthread.h>

#include <future>

#include "medsynth/dramatiq/consumer_impl.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto kLastSettling = 1s;  // of a consumer that is destroyed without stop()

}  // namespace

void Consumer::Impl::put_back(const std::map<std::string, std::vector<std::string>>& ids) {
  for (const auto& [queue, list] : ids) {
    const std::string what = "messages cannot be given back to queue " + queue;
    for (redis::Backoff backoff;;) {
      const auto back = ask(broker.requeue(queue, list));
      if (back) {
        lost += static_cast<std::int64_t>(list.size()) - *back;
        trouble.worked(what);
        break;
      }
      trouble.failed(what, back.error());
      if (!settler->may_still_settle()) break;
      if (reach(client)) pause(backoff.next());  // it is there, but does not do it yet
    }
  }
}

void Consumer::Impl::flush_returns() {
  std::unique_lock lock(mutex);
  const auto ids = hand.returns();
  if (ids.empty()) return;
  ++requeuing;
  lock.unlock();
  put_back(ids);
  lock.lock();
  --requeuing;
  lock.unlock();
  signals->bell.ring();
}

std::vector<Delivery> Consumer::Impl::take(std::size_t count, milliseconds timeout, std::stop_token stop) {
  std::unique_lock lock(mutex);
  const auto done = [&] { return stopping || hand.ready() > 0; };
  ++waiting;
  if (!done()) {
    lock.unlock();
    signals->bell.ring();
    lock.lock();
    changed.wait_for(lock, stop, timeout, done);
  }
  --waiting;
  if (stopping) return {};
  std::vector<Delivery> taken = hand.take(kSlice, count);
  const bool more = hand.ready() > 0, low = wanted() > 0;
  lock.unlock();
  if (more) changed.notify_one();
  if (low) signals->bell.ring();
  return taken;
}

Consumer::Consumer(redis::Client& client, const Broker& broker, ConsumerOptions options)
    : impl_(std::make_unique<Impl>(client, broker, std::move(options))) {
  Impl& self = *impl_;
  self.listen();
  const ConsumerOptions& o = self.options;
  const auto leases_in_doubt = [signals = self.signals] {
    signals->unsure = true;
    signals->bell.ring();
  };
  self.keeper = std::make_unique<Keeper>(
      client, broker, KeeperOptions{o.queues, o.heartbeat, o.maintenance, o.sweep}, leases_in_doubt);
  self.settler = std::make_unique<Settler>(
      client, broker, [&self] { self.keeper->lost_contact(); },
      [&self](const std::vector<Settlement>& settled, std::int64_t lost) {
        self.lost += lost;
        const std::lock_guard lock(self.mutex);
        for (const Settlement& one : settled) self.hand.settled(one.lease.redis_message_id);
      });
  self.fetcher = std::jthread([&self](std::stop_token stop) {
    pthread_setname_np(pthread_self(), "ms-fetch");
    self.fetch_loop(std::move(stop));
  });
}

Consumer::~Consumer() {
  Impl& self = *impl_;
  stop(kLastSettling);
  self.fetcher.join();
  self.client.subscribe({}, {});
  self.client.on_connect({});
  self.settler.reset();
  self.keeper.reset();  // no heartbeat after we are gone
  (void)self.client.run(self.broker.unregister_worker(self.options.queues));  // else recovery does it
}

std::optional<Delivery> Consumer::take(milliseconds timeout, std::stop_token stop) {
  std::vector<Delivery> taken = impl_->take(1, timeout, std::move(stop));
  if (taken.empty()) return std::nullopt;
  started(taken.front());
  return std::move(taken.front());
}

std::vector<Delivery> Consumer::take_some(milliseconds timeout, std::stop_token stop) {
  return impl_->take(kMostInSlice, timeout, std::move(stop));
}

void Consumer::started(const Delivery& delivery) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->hand.started(delivery.redis_message_id);
  }
  impl_->flush_returns();
}

void Consumer::settle(Settlement settlement, std::function<void(bool)> done) {
  impl_->settler->settle(std::move(settlement), std::move(done));
}

bool Consumer::settle(Settlement settlement) {
  const auto promise = std::make_shared<std::promise<bool>>();
  auto future = promise->get_future();
  settle(std::move(settlement), [promise](bool ours) { promise->set_value(ours); });
  const bool ours = future.get();  // the settler answers each, at the latest at stop()'s timeout
  impl_->flush_returns();
  return ours;
}

bool Consumer::ack(const Delivery& delivery) {
  return settle({.lease = delivery});
}

bool Consumer::dead(const Delivery& delivery, Message updated, std::string reason) {
  return settle({.kind = Settlement::Kind::dead,
                 .lease = delivery,
                 .updated = std::move(updated),
                 .reason = std::move(reason)});
}

bool Consumer::retry(const Delivery& delivery, Message updated, WallTime eta) {
  updated.queue_name = delivery.queue;
  return settle(
      {.kind = Settlement::Kind::move, .lease = delivery, .updated = std::move(updated), .eta = eta});
}

void Consumer::give_back(const Delivery& delivery) {
  give_back(std::span(&delivery, 1));
}

void Consumer::give_back(std::span<const Delivery> deliveries) {
  {
    const std::lock_guard lock(impl_->mutex);
    for (const Delivery& delivery : deliveries) impl_->hand.give_back(delivery.redis_message_id);
  }
  impl_->flush_returns();
}

void Consumer::forget(const Delivery& delivery) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->hand.settled(delivery.redis_message_id);
  }
  impl_->signals->unsure = true;  // it may have come again meanwhile
  impl_->flush_returns();
  impl_->signals->bell.ring();
}

void Consumer::stop(milliseconds timeout) {
  Impl& self = *impl_;
  std::unique_lock lock(self.mutex);
  self.stopping = true;
  lock.unlock();
  const SteadyTime until = steady_now() + timeout;
  self.settler->give_up_at(until);
  self.changed.notify_all();
  self.fetcher.request_stop();
  lock.lock();
  self.ended.wait_until(lock, until, [&] { return self.given_back; });
}

bool Consumer::wait_settled(milliseconds timeout) {
  return impl_->settler->wait_idle(steady_now() + timeout);
}

std::int64_t Consumer::lost_leases() const {
  return impl_->lost;
}

}  // namespace medsynth::dramatiq
