#include "medsynth/dramatiq/consumer.h"

#include <pthread.h>

#include "medsynth/dramatiq/consumer_impl.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto kLastReturns = 1s;  // of a consumer that is destroyed without stop()

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
      if (!may_still_give_back()) break;
      if (reach(client)) pause(backoff.next());  // it is there, but does not do it yet
    }
  }
}

bool Consumer::Impl::may_still_give_back() {
  const std::lock_guard lock(mutex);
  return steady_now() < give_up_at;
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

std::vector<Received> Consumer::Impl::take(std::size_t count, milliseconds timeout, std::stop_token stop) {
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
  std::vector<Received> taken = hand.take(kSlice, count);
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
  self.fetcher = std::jthread([&self](std::stop_token stop) {
    pthread_setname_np(pthread_self(), "ms-fetch");
    self.fetch_loop(std::move(stop));
  });
}

Consumer::~Consumer() {
  Impl& self = *impl_;
  stop(kLastReturns);
  self.fetcher.join();
  self.client.subscribe({}, {});
  self.client.on_connect({});
  self.keeper.reset();  // no heartbeat after we are gone
  (void)self.client.run(self.broker.unregister_worker(self.options.queues));  // else recovery does it
}

Delivery::~Delivery() {
  Delivery* const self = this;
  if (consumer_) consumer_->give_back(std::span(&self, 1));
}

std::optional<Delivery> Consumer::take(milliseconds timeout, std::stop_token stop) {
  std::vector<Received> taken = impl_->take(1, timeout, std::move(stop));
  if (taken.empty()) return std::nullopt;
  std::optional<Delivery> delivery(std::in_place, std::move(taken.front()), this);
  started(*delivery);
  return delivery;
}

std::vector<Delivery> Consumer::take_some(milliseconds timeout, std::stop_token stop) {
  std::vector<Delivery> deliveries;
  for (Received& received : impl_->take(kMostInSlice, timeout, std::move(stop)))
    deliveries.emplace_back(std::move(received), this);
  return deliveries;
}

void Consumer::started(const Delivery& delivery) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->hand.started(delivery.redis_message_id);
  }
  impl_->flush_returns();
}

void Consumer::settled(Delivery delivery, bool ours) {
  Delivery* const one = &delivery;
  settled(std::span(&one, 1), ours ? 0 : 1);
}

void Consumer::settled(std::span<Delivery* const> deliveries, std::int64_t lost) {
  impl_->lost += lost;
  {
    const std::lock_guard lock(impl_->mutex);
    for (Delivery* delivery : deliveries) {
      delivery->consumer_ = nullptr;
      impl_->hand.settled(delivery->redis_message_id);
    }
  }
  impl_->flush_returns();
}

void Consumer::give_back(std::span<Delivery* const> deliveries) {
  {
    const std::lock_guard lock(impl_->mutex);
    for (Delivery* delivery : deliveries) {
      delivery->consumer_ = nullptr;
      impl_->hand.give_back(delivery->redis_message_id);
    }
  }
  impl_->flush_returns();
}

void Consumer::forget(Delivery& delivery) {
  impl_->signals->unsure = true;  // it may have come again meanwhile
  Delivery* const one = &delivery;
  settled(std::span(&one, 1), 1);
  impl_->signals->bell.ring();
}

void Consumer::lost_contact() {
  impl_->keeper->lost_contact();
}

void Consumer::stop(milliseconds timeout) {
  Impl& self = *impl_;
  const SteadyTime until = steady_now() + timeout;
  {
    const std::lock_guard lock(self.mutex);
    self.stopping = true;
    self.give_up_at = until;
  }
  self.changed.notify_all();
  self.fetcher.request_stop();
  std::unique_lock lock(self.mutex);
  self.ended.wait_until(lock, until, [&] { return self.given_back; });
}

std::int64_t Consumer::lost_leases() const {
  return impl_->lost;
}

}  // namespace medsynth::dramatiq
