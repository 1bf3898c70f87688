#include "medsynth/dramatiq/consumer.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <future>
#include <thread>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/delays.h"
#include "medsynth/dramatiq/hand.h"
#include "medsynth/dramatiq/keeper.h"
#include "medsynth/dramatiq/settler.h"
#include "medsynth/dramatiq/waiting.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr auto kDelayedPoll = 100ms;  // delay queues have no hurry: their messages are due later anyway
constexpr auto kLastSettling = 1s;    // of a consumer that is destroyed without stop()
constexpr auto kAhead = 50ms;         // work that is fetched before somebody waits for it
constexpr std::int64_t kLeastAhead = 16, kMostAhead = 4000;
constexpr auto kSlice = 1ms;  // work that is handed out together: its records are written together
constexpr std::size_t kMostInSlice = 256;

// What the client's thread tells the fetching thread, perhaps when the consumer is already gone.
struct Signals {
  Bell bell;                        // lent to the client's thread, which fetches then
  std::atomic<bool> unsure{true};   // our ack sets may differ from what is in hand
  std::atomic<bool> delayed{true};  // something came to a delay queue
};

}  // namespace

struct Consumer::Impl {
  Impl(redis::Client& client_, const Broker& broker_, ConsumerOptions options_)
      : client(client_), broker(broker_), options(std::move(options_)), delays(client_, broker_) {}

  redis::Client& client;
  const Broker& broker;
  const ConsumerOptions options;
  const std::shared_ptr<Signals> signals = std::make_shared<Signals>();

  std::mutex mutex;
  std::condition_variable_any changed;  // wakes one taker, who wakes the next when there is more
  std::condition_variable_any ended;    // the fetching thread
  Hand hand;                            // guarded by mutex, like the next five
  std::int64_t waiting = 0;             // takers
  std::int64_t ahead = 0;               // messages worth fetching before somebody waits for them
  std::int64_t requeuing =
      0;  // threads that put back what was given back: what is behind it must not be fetched before
  bool stopping = false;
  bool given_back = false;  // the fetching thread has ended

  std::atomic<std::int64_t> lost{0};

  Delays delays;  // the fetching thread's, like the next three
  std::string last_problem;
  SteadyTime next_delayed_look = {};
  bool hears = false;  // Redis sends keyspace events

  std::unique_ptr<Keeper> keeper;
  std::unique_ptr<Settler> settler;
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
  bool hears_keyspace();
  bool reconcile(const std::string& queue);
  bool round();
  bool fetch(const std::string& queue, std::int64_t count);
  bool receive(const std::string& queue, Result<Fetched> fetched);
  void fetch_at_once(const std::string& queue);
  void received_at_once(const std::string& queue, Result<Fetched> fetched);
  bool starts_at_once(const Fetched& fetched) const;
  bool look_at_delayed();
  std::int64_t wanted();  // with the mutex held
  SteadyTime wake_at(milliseconds idle);
  void report(std::string_view queue, const Error& error);
  void give_back_all();

  std::vector<Delivery> take(std::size_t count, milliseconds timeout, std::stop_token stop);
  void put_back(const std::map<std::string, std::vector<std::string>>& ids);
  void flush_returns();
};

void Consumer::Impl::listen() {
  std::vector<std::string> channels;
  std::map<std::string, std::string, std::less<>> queues;
  for (const std::string& queue : options.queues) {
    for (std::string& channel : broker.bell_channels(queue)) {
      queues.emplace(channel, queue);
      channels.push_back(std::move(channel));
    }
  }
  client.subscribe(std::move(channels), [this, shared = signals, queues = std::move(queues)](
                                            std::string_view channel, std::string_view event) {
    // Of the keyspace events only those that bring a message.
    const bool keyspace = channel.starts_with("__keyspace@");
    if (keyspace && event != "rpush" && event != "lpush") return;
    const bool delayed = is_delay_queue(keyspace ? channel : event);
    if (delayed) shared->delayed = true;
    const bool plain = !delayed && !shared->unsure;
    if (plain && shared->bell.lend())
      fetch_at_once(queues.find(channel)->second);  // we live as long as the fetching thread waits for this
    else
      shared->bell.ring();
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
      const milliseconds longest = hears ? std::max(options.poll_heard, options.poll_max) : options.poll_max;
      idle = rang ? options.poll_min : std::min(idle * 3 / 2 + 1ms, longest);
    }
  }
  give_back_all();
  {
    const std::lock_guard lock(mutex);
    given_back = true;
  }
  ended.notify_all();
}

// Makes us known, and what is in hand agree with our ack sets.
bool Consumer::Impl::attach() {
  signals->unsure = false;
  bool agreed = ask(broker.register_worker(::getpid())).has_value();
  for (const std::string& queue : options.queues)
    agreed = agreed && reconcile(queue) && reconcile(delay_queue(queue));
  if (!agreed) signals->unsure = true;
  signals->delayed = true;
  hears = hears_keyspace();
  return agreed;
}

// Whether Redis tells of every push to a list. One that does not let itself be asked counts as silent.
bool Consumer::Impl::hears_keyspace() {
  const auto replies = client.send({redis::Command("CONFIG", "GET", "notify-keyspace-events")});
  const auto words =
      replies ? redis::texts((*replies)[0]) : Result<std::vector<std::string>>(replies.error());
  if (!words || words->size() < 2) return false;
  const std::string& flags = (*words)[1];
  return flags.find('K') != std::string::npos && flags.find_first_of("lA") != std::string::npos;
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
  bool found = false;
  for (const std::string& queue : options.queues) {
    std::unique_lock lock(mutex);
    const std::int64_t count = wanted();
    lock.unlock();
    if (count > 0) found = fetch(queue, count) || found;
  }
  const auto due = delays.next_due();
  if (signals->delayed.exchange(false) || steady_now() >= next_delayed_look ||
      (due && *due <= system_clock().now()))
    found = look_at_delayed() || found;
  return found;
}

bool Consumer::Impl::fetch(const std::string& queue, std::int64_t count) {
  return receive(queue, ask(broker.fetch(queue, count)));
}

// On the client's thread, while the fetching thread waits: so a lone message wakes no thread but the one that
// runs it. What a taker starts as soon as it has it is counted as started here.
void Consumer::Impl::fetch_at_once(const std::string& queue) {
  std::unique_lock lock(mutex);
  const std::int64_t count = wanted();
  lock.unlock();
  if (count == 0) return signals->bell.give_back(true);
  client.run<Fetched>(broker.fetch(queue, count), [this, queue](Result<Fetched> fetched) {
    if (!fetched || !starts_at_once(*fetched)) return received_at_once(queue, std::move(fetched));
    std::vector<std::string> ids;
    for (const Delivery& delivery : fetched->deliveries) ids.push_back(delivery.redis_message_id);
    using Counts = std::vector<std::int64_t>;
    client.run<Counts>(broker.note_starts(queue, ids),
                       [this, queue, fetched = std::move(*fetched)](Result<Counts> starts) mutable {
                         if (!starts) return received_at_once(queue, starts.error());
                         for (std::size_t i = 0; i < starts->size(); ++i)
                           fetched.deliveries[i].deaths = (*starts)[i];
                         received_at_once(queue, std::move(fetched));
                       });
  });
}

// Whether one taker that waits takes all of it at once.
bool Consumer::Impl::starts_at_once(const Fetched& fetched) const {
  if (!options.expected_work || fetched.deliveries.empty() || fetched.deliveries.size() > kMostInSlice)
    return false;
  microseconds sum{0};
  for (const Delivery& delivery : fetched.deliveries) {
    const auto work = options.expected_work(delivery.message);
    if (!work) return false;
    sum += *work;
  }
  return sum <= kSlice;
}

void Consumer::Impl::received_at_once(const std::string& queue, Result<Fetched> fetched) {
  if (!fetched && is_away(fetched.error())) keeper->lost_contact();
  const bool found = receive(queue, std::move(fetched));
  signals->bell.give_back(found || signals->unsure);
}

// True when it brought something.
bool Consumer::Impl::receive(const std::string& queue, Result<Fetched> fetched) {
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
  std::vector<Settlement> too_early;  // as the dashboard may put them: an eta on a plain queue
  std::vector<Hand::Work> work;
  microseconds sum{0};
  bool all_known = true;
  for (Delivery& delivery : fetched->deliveries) {
    const auto eta = due(delivery.message, now);
    if (eta && *eta > now)
      too_early.push_back(
          {.kind = Settlement::Kind::move, .delivery = delivery, .updated = delivery.message, .eta = eta});
    work.push_back(options.expected_work ? options.expected_work(delivery.message) : microseconds(0));
    all_known = all_known && options.expected_work && work.back();
    sum += work.back().value_or(0us);
  }
  const auto count_of = static_cast<std::int64_t>(work.size());
  {
    const std::lock_guard lock(mutex);
    ahead = all_known
                ? std::clamp(microseconds(kAhead).count() * count_of / std::max<std::int64_t>(sum.count(), 1),
                             kLeastAhead, kMostAhead)
                : 0;
    auto early = too_early.begin();
    for (std::size_t i = 0; i < work.size(); ++i) {
      if (early != too_early.end() &&
          early->delivery.redis_message_id == fetched->deliveries[i].redis_message_id)
        ++early;
      else
        hand.add(std::move(fetched->deliveries[i]), work[i]);
    }
  }
  changed.notify_one();
  for (Settlement& settlement : too_early) settler->settle(std::move(settlement), {});
  return true;
}

bool Consumer::Impl::look_at_delayed() {
  bool found = false;
  next_delayed_look = steady_now() + (hears ? options.poll_heard : milliseconds(kDelayedPoll));
  for (const std::string& queue : options.queues) {
    {
      const std::lock_guard lock(mutex);
      if (stopping) return false;
    }
    const auto look = delays.look(queue, system_clock().now());
    if (!look) {
      if (is_away(look.error())) keeper->lost_contact();
      signals->unsure = true;
      report(delay_queue(queue), look.error());
      continue;
    }
    lost += look->lost;
    if (look->quarantined > 0)
      log::warning("undecodable messages became dead letters",
                   {{"queue", delay_queue(queue)}, {"count", look->quarantined}});
    found = found || look->found;
  }
  if (found) signals->delayed = true;
  return found;
}

// How many messages to fetch; what is fetched ahead is refilled when half of it is gone, so that few round
// trips bring many.
std::int64_t Consumer::Impl::wanted() {
  const auto ready = static_cast<std::int64_t>(hand.ready());
  const std::int64_t most = std::max(options.prefetch, ahead);
  if (stopping || hand.returning() || requeuing > 0 || (waiting <= ready && ready > most / 2)) return 0;
  return most + waiting - ready;
}

SteadyTime Consumer::Impl::wake_at(milliseconds idle) {
  const auto due = delays.next_due();
  const auto until_due = due ? *due - system_clock().now() : std::chrono::microseconds(idle);
  return steady_now() + std::clamp<std::chrono::microseconds>(until_due, 1ms, idle);
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
    if (!hand.returning()) ids = hand.drain();  // else it goes back with those that still wait to start
  }
  put_back(ids);
}

void Consumer::Impl::put_back(const std::map<std::string, std::vector<std::string>>& ids) {
  for (const auto& [queue, list] : ids) {
    for (;;) {
      const auto back = ask(broker.requeue(queue, list));
      if (back) lost += static_cast<std::int64_t>(list.size()) - *back;
      if (back || !is_away(back.error()) || !settler->may_still_settle()) break;
      if (reach(client)) pause(kLoadingPause);  // it is there, but does not do it yet
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

// ---- taking ----

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
  self.settler = std::make_unique<Settler>(
      client, broker, [&self] { self.keeper->lost_contact(); },
      [&self](const std::vector<Settlement>& settled, std::int64_t lost) {
        self.lost += lost;
        const std::lock_guard lock(self.mutex);
        for (const Settlement& one : settled) self.hand.settled(one.delivery.redis_message_id);
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
  return settle({.delivery = delivery});
}

bool Consumer::dead(const Delivery& delivery, Message updated, std::string reason) {
  return settle({.kind = Settlement::Kind::dead,
                 .delivery = delivery,
                 .updated = std::move(updated),
                 .reason = std::move(reason)});
}

bool Consumer::retry(const Delivery& delivery, Message updated, WallTime eta) {
  updated.queue_name = delivery.queue;
  return settle(
      {.kind = Settlement::Kind::move, .delivery = delivery, .updated = std::move(updated), .eta = eta});
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
