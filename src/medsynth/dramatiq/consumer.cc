#include "medsynth/dramatiq/consumer.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/hand.h"
#include "medsynth/dramatiq/keeper.h"
#include "medsynth/dramatiq/waiting.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto kDelayedPoll = 100ms;  // delay queues have no hurry: their messages are due later anyway
constexpr auto kLastSettling = 1s;    // of a consumer that is destroyed without stop()

// What the client's thread tells the fetching thread, perhaps when the consumer is already gone.
struct Signals {
  Bell bell;
  std::atomic<bool> unsure{true};  // our ack sets may differ from what is in hand
};

}  // namespace

struct Consumer::Impl {
  Impl(redis::Client& client_, const Broker& broker_, ConsumerOptions options_)
      : client(client_), broker(broker_), options(std::move(options_)) {}

  redis::Client& client;
  const Broker& broker;
  const ConsumerOptions options;
  const std::shared_ptr<Signals> signals = std::make_shared<Signals>();

  std::mutex mutex;
  std::condition_variable_any changed;
  Hand hand;                 // guarded by mutex, like the next four
  std::int64_t waiting = 0;  // takers
  bool stopping = false;
  bool given_back = false;  // the fetching thread has ended
  SteadyTime settle_until = SteadyTime::max();

  std::atomic<std::int64_t> lost{0};

  std::string last_problem;  // the fetching thread's
  SteadyTime next_delayed_poll = {};

  std::unique_ptr<Keeper> keeper;
  std::jthread fetcher;  // last: it uses everything above

  template <class T>
  Result<T> ask(redis::Query<T> query) {
    Result<T> result = client.run(std::move(query));
    if (!result && is_away(result.error())) keeper->lost_contact();
    return result;
  }

  void listen();

  void fetch_loop(std::stop_token stop);
  bool attach();
  bool reconcile(const std::string& queue);
  bool round();
  bool fetch(const std::string& queue, std::int64_t count);
  bool move_due();
  std::int64_t wanted();
  std::int64_t delayed_room();
  SteadyTime wake_at(milliseconds idle);
  void report(std::string_view queue, const Error& error);
  void give_back_all();

  bool may_still_settle();
  void wait_for_redis();
  void forget(const Delivery& delivery);
  bool settle(const Delivery& delivery, const std::function<redis::Query<bool>()>& query);
};

void Consumer::Impl::listen() {
  std::vector<std::string> channels;
  for (const std::string& queue : options.queues)
    for (std::string& channel : broker.bell_channels(queue)) channels.push_back(std::move(channel));
  client.subscribe(std::move(channels),
                   [signals = signals](std::string_view channel, std::string_view event) {
                     // Of the keyspace events only those that bring a message.
                     if (!channel.starts_with("__keyspace@") || event == "rpush" || event == "lpush")
                       signals->bell.ring();
                   });
  // Also after a break that none of our calls noticed: a Redis that was killed has forgotten its last
  // moments, so what we settled then may be in our ack sets again.
  client.on_connect([signals = signals] {
    signals->unsure = true;
    signals->bell.ring();
  });
}

// ---- fetching ----

void Consumer::Impl::fetch_loop(std::stop_token stop) {
  milliseconds idle = options.poll_min;
  while (!stop.stop_requested()) {
    if (!reach(client, stop)) {
      keeper->lost_contact();
      continue;
    }
    if (signals->unsure && !attach()) {
      pause(kLoadingPause, stop);
      continue;
    }
    if (round()) {
      idle = options.poll_min;
    } else {
      const bool rang = signals->bell.wait_until(wake_at(idle), stop);
      idle = rang ? options.poll_min : std::min(idle * 3 / 2, options.poll_max);
    }
  }
  give_back_all();
  {
    const std::lock_guard lock(mutex);
    given_back = true;
  }
  changed.notify_all();
}

// Makes us known, and what is in hand agree with our ack sets.
bool Consumer::Impl::attach() {
  signals->unsure = false;
  bool agreed = ask(broker.register_worker(::getpid())).has_value();
  for (const std::string& queue : options.queues)
    agreed = agreed && reconcile(queue) && reconcile(delay_queue(queue));
  if (!agreed) signals->unsure = true;
  return agreed;
}

bool Consumer::Impl::reconcile(const std::string& queue) {
  const auto leased = ask(broker.held(queue));
  if (!leased) return false;
  Hand::Difference difference;
  {
    const std::lock_guard lock(mutex);
    difference = hand.reconcile(queue, *leased);
  }
  lost += difference.lost;
  if (difference.strangers.empty()) return true;
  return ask(broker.requeue(queue, difference.strangers)).has_value();
}

// One look at everything. True when it brought something: then there may be more.
bool Consumer::Impl::round() {
  bool found = move_due();
  for (const std::string& queue : options.queues)
    if (const std::int64_t count = wanted(); count > 0) found = fetch(queue, count) || found;
  if (steady_now() < next_delayed_poll) return found;
  next_delayed_poll = steady_now() + kDelayedPoll;
  for (const std::string& queue : options.queues)
    if (const std::int64_t room = delayed_room(); room > 0) found = fetch(delay_queue(queue), room) || found;
  return found;
}

bool Consumer::Impl::fetch(const std::string& queue, std::int64_t count) {
  auto fetched = ask(broker.fetch(queue, count));
  if (!fetched) {
    signals->unsure = true;  // messages may be in our ack set that never came
    report(queue, fetched.error());
    return false;
  }
  last_problem.clear();
  if (fetched->quarantined > 0)
    log::warning("undecodable messages became dead letters",
                 {{"queue", queue}, {"count", fetched->quarantined}});
  if (fetched->deliveries.empty()) return fetched->quarantined > 0;
  const WallTime now = system_clock().now();
  {
    const std::lock_guard lock(mutex);
    for (Delivery& delivery : fetched->deliveries) hand.add(std::move(delivery), now);
  }
  changed.notify_all();
  return true;
}

bool Consumer::Impl::move_due() {
  bool moved = false;
  for (;;) {
    const WallTime now = system_clock().now();
    std::optional<Delivery> due;
    {
      const std::lock_guard lock(mutex);
      due = hand.take_due(now);
    }
    changed.notify_all();  // others may have become ready
    if (!due) return moved;
    const auto ours = ask(broker.move_due(*due));
    if (!ours) {
      report(due->queue, ours.error());
      const std::lock_guard lock(mutex);
      hand.add(std::move(*due), now);
      signals->unsure = true;
      return false;
    }
    if (!*ours) ++lost;
    forget(*due);
    moved = true;
  }
}

// How many messages to fetch; a prefetch is refilled when half of it is gone, so that few round trips bring
// many.
std::int64_t Consumer::Impl::wanted() {
  const std::lock_guard lock(mutex);
  const auto ready = static_cast<std::int64_t>(hand.ready());
  if (stopping || (waiting <= ready && ready > options.prefetch / 2)) return 0;
  return options.prefetch + waiting - ready;
}

std::int64_t Consumer::Impl::delayed_room() {
  const std::lock_guard lock(mutex);
  return stopping ? 0 : options.delayed_prefetch - static_cast<std::int64_t>(hand.delayed());
}

SteadyTime Consumer::Impl::wake_at(milliseconds idle) {
  const std::lock_guard lock(mutex);
  const auto due = hand.next_due();
  const auto until_due = due ? *due - system_clock().now() : std::chrono::microseconds(idle);
  return steady_now() + std::clamp<std::chrono::microseconds>(until_due, 0us, idle);
}

// One line per cause, not per attempt; the client itself says when Redis is away.
void Consumer::Impl::report(std::string_view queue, const Error& error) {
  if (is_away(error) || error.message == last_problem) return;
  last_problem = error.message;
  log::error("a queue cannot be read", {{"queue", queue}, {"error", error.message}});
}

void Consumer::Impl::give_back_all() {
  std::map<std::string, std::vector<std::string>> ids;
  {
    const std::lock_guard lock(mutex);
    ids = hand.drain();
  }
  for (const auto& [queue, list] : ids) {
    for (;;) {
      const auto back = ask(broker.requeue(queue, list));
      if (back || !is_away(back.error()) || !may_still_settle()) break;
      wait_for_redis();
    }
  }
}

// ---- settling ----

bool Consumer::Impl::may_still_settle() {
  const std::lock_guard lock(mutex);
  return steady_now() < settle_until;
}

void Consumer::Impl::wait_for_redis() {
  if (reach(client)) pause(kLoadingPause);  // it is there, but does not do it yet
}

void Consumer::Impl::forget(const Delivery& delivery) {
  const std::lock_guard lock(mutex);
  hand.settled(delivery);
}

bool Consumer::Impl::settle(const Delivery& delivery, const std::function<redis::Query<bool>()>& query) {
  bool in_doubt = false;  // an attempt may have worked without our hearing of it
  for (;;) {
    Result<bool> ours = ask(query());
    if (ours && !*ours && in_doubt) {
      const auto there = ask(broker.exists(delivery));
      ours = there ? Result<bool>(!*there) : Result<bool>(there.error());
    }
    if (ours) {
      forget(delivery);
      if (!*ours) ++lost;
      return *ours;
    }
    if (!is_away(ours.error()) || !may_still_settle()) {
      log::error("a message cannot be settled; recovery will put it back",
                 {{"queue", delivery.queue},
                  {"message_id", delivery.message.message_id},
                  {"error", ours.error().message}});
      return false;
    }
    in_doubt = true;
    wait_for_redis();
  }
}

// ---- Consumer ----

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
  stop(kLastSettling);
  self.fetcher.join();
  self.client.subscribe({}, {});
  self.client.on_connect({});
  self.keeper.reset();  // no heartbeat after we are gone
  (void)self.client.run(self.broker.unregister_worker(self.options.queues));  // else recovery does it
}

std::optional<Delivery> Consumer::take(milliseconds timeout, std::stop_token stop) {
  Impl& self = *impl_;
  std::unique_lock lock(self.mutex);
  const auto done = [&] { return self.stopping || self.hand.ready() > 0; };
  ++self.waiting;
  if (!done()) {
    lock.unlock();
    self.signals->bell.ring();
    lock.lock();
    self.changed.wait_for(lock, stop, timeout, done);
  }
  --self.waiting;
  if (self.stopping) return std::nullopt;
  std::optional<Delivery> delivery = self.hand.take();
  lock.unlock();
  if (delivery) self.signals->bell.ring();
  return delivery;
}

bool Consumer::ack(const Delivery& delivery) {
  return impl_->settle(delivery, [&] { return impl_->broker.ack(delivery); });
}

bool Consumer::dead(const Delivery& delivery, Message updated, std::string reason) {
  return impl_->settle(delivery, [&] { return impl_->broker.dead(delivery, updated, reason); });
}

bool Consumer::retry(const Delivery& delivery, Message updated, WallTime eta) {
  return impl_->settle(delivery, [&] { return impl_->broker.retry(delivery, updated, eta); });
}

void Consumer::give_back(const Delivery& delivery) {
  impl_->settle(delivery, [&]() -> redis::Query<bool> {
    auto requeue = impl_->broker.requeue(delivery.queue, {delivery.redis_message_id});
    return {std::move(requeue.commands), [](redis::Replies replies) -> Result<redis::Step<bool>> {
              BOOST_OUTCOME_TRY(auto back, redis::integer(replies[0]));
              return redis::Step<bool>{back > 0};
            }};
  });
}

void Consumer::stop(milliseconds timeout) {
  Impl& self = *impl_;
  std::unique_lock lock(self.mutex);
  self.stopping = true;
  const SteadyTime until = steady_now() + timeout;
  self.settle_until = until;
  lock.unlock();
  self.changed.notify_all();
  self.fetcher.request_stop();
  lock.lock();
  self.changed.wait_until(lock, until, [&] { return self.given_back; });
}

std::int64_t Consumer::lost_leases() const {
  return impl_->lost;
}

}  // namespace medsynth::dramatiq
