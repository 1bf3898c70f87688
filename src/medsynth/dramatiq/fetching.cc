// How messages come in: on the thread "ms-fetch", and while it sleeps on the client's.
#include <unistd.h>

#include <algorithm>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/consumer_impl.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr auto kDelayedPoll = 100ms;  // delay queues have no hurry: their messages are due later anyway
constexpr auto kTroubled = 250ms;     // between looks at a queue that cannot be read
constexpr auto kAhead = 50ms;         // work that is fetched before somebody waits for it
constexpr std::int64_t kLeastAhead = 16, kMostAhead = 4000;

}  // namespace

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
      const milliseconds calm = hears ? std::max(options.poll_heard, options.poll_max) : options.poll_max;
      const milliseconds longest = problems.empty() ? calm : std::max<milliseconds>(calm, kTroubled);
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
  bool agreed = is_attached(ask(broker.register_worker(::getpid())));
  for (const std::string& queue : options.queues)
    agreed = agreed && reconcile(queue) && reconcile(delay_queue(queue));
  if (agreed) trouble.worked(kNotAttached);
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
  if (!is_attached(leased)) return false;
  Hand::Difference difference;
  {
    const std::lock_guard lock(mutex);
    difference = hand.reconcile(queue, *leased);
  }
  lost += difference.lost;
  if (difference.strangers.empty()) return true;
  return is_attached(ask(broker.requeue(queue, difference.strangers)));
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
      (due && *due <= client.clock().now()))
    found = look_at_delayed() || found;
  return found;
}

bool Consumer::Impl::fetch(const std::string& queue, std::int64_t count) {
  return receive(queue, ask(broker.fetch(queue, count)));
}

// On the client's thread, while the fetching thread waits: so a lone message wakes no thread but the one that
// runs it. Where the last messages were brief ones, these are noted as started while they are fetched.
void Consumer::Impl::fetch_at_once(const std::string& queue) {
  std::unique_lock lock(mutex);
  const std::int64_t count = wanted();
  const bool brief = ahead > 0;
  lock.unlock();
  if (count == 0) return signals->bell.give_back(true);
  client.run<Fetched>(broker.fetch(queue, count, brief), [this, queue](Result<Fetched> fetched) {
    if (fetched && fetched->started) {
      const bool right = starts_at_once(*fetched);
      std::vector<std::string> ids;
      for (Received& received : fetched->deliveries) {
        received.marked = right;
        received.unaborted = received.unaborted && right;  // what waits may be aborted meanwhile
        ids.push_back(received.redis_message_id);
      }
      // Before they start: what is sent first is done first.
      if (!right) client.run<redis::Done>(broker.forget_starts(queue, ids), [](auto) {});
    }
    received_at_once(queue, std::move(fetched));
  });
}

// Whether one taker that waits takes all of it at once.
bool Consumer::Impl::starts_at_once(const Fetched& fetched) const {
  if (!options.expected_work || fetched.deliveries.empty() || fetched.deliveries.size() > kMostInSlice)
    return false;
  microseconds sum{0};
  for (const Received& delivery : fetched.deliveries) {
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
  if (fetched->trouble) signals->unsure = true;
  report(queue, fetched->trouble);
  if (fetched->quarantined > 0)
    log::warning("undecodable messages became dead letters",
                 {{"queue", queue}, {"count", fetched->quarantined}});
  if (fetched->deliveries.empty()) return fetched->quarantined > 0;
  std::vector<Hand::Work> work;
  microseconds sum{0};
  bool all_known = true;
  for (const Received& received : fetched->deliveries) {
    work.push_back(options.expected_work ? options.expected_work(received.message) : microseconds(0));
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
    for (std::size_t i = 0; i < work.size(); ++i) hand.add(std::move(fetched->deliveries[i]), work[i]);
  }
  changed.notify_one();
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
    const auto look = delays.look(queue, client.clock().now());
    if (!look) {
      if (is_away(look.error())) keeper->lost_contact();
      signals->unsure = true;
      report(delay_queue(queue), look.error());
      continue;
    }
    if (look->trouble) signals->unsure = true;
    report(delay_queue(queue), look->trouble);
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
  const auto until_due = due ? *due - client.clock().now() : std::chrono::microseconds(idle);
  return steady_now() + std::clamp<std::chrono::microseconds>(until_due, 1ms, idle);
}

// One line per queue and cause, not per attempt; the client itself says when Redis is away.
void Consumer::Impl::report(const std::string& queue, const std::optional<Error>& error) {
  if (!error) {
    if (!problems.empty() && problems.erase(queue) > 0)
      log::info("a queue can be read again", {{"queue", queue}});
    return;
  }
  if (is_away(*error)) return;
  std::string& known = problems[queue];
  if (std::exchange(known, error->message) != error->message)
    log::error("a queue cannot be read", {{"queue", queue}, {"error", error->message}});
}

void Consumer::Impl::give_back_all() {
  std::map<std::string, std::vector<std::string>> ids;
  {
    const std::lock_guard lock(mutex);
    if (!hand.returning()) ids = hand.drain();  // else it goes back with those that still wait to start
  }
  put_back(ids);
}

}  // namespace medsynth::dramatiq
