#include "medsynth/dramatiq/fetcher.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/workers.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kDelayedPoll =
    100ms;                                 // delay queues have no hurry: their messages are due later anyway
constexpr milliseconds kTroubled = 250ms;  // between looks at a queue that cannot be read
constexpr std::string_view kNotAttached = "a worker cannot look after what it holds";

}  // namespace

Fetcher::Fetcher(redis::Client& client, const Broker& broker, const ConsumerOptions& options)
    : client_(client),
      broker_(broker),
      options_(options),
      buffer_(options.prefetch, static_cast<bool>(options.expected_work),
              [signals = signals_] { signals->wakeup.notify(); }),
      delays_(client, broker),
      keeper_(client, broker, {options.queues, options.heartbeat, options.maintenance, options.sweep},
              [signals = signals_] {
                signals->in_doubt = true;
                signals->wakeup.notify();
              }) {
  listen();
  thread_ = std::jthread([this](std::stop_token stop) {
    pthread_setname_np(pthread_self(), "ms-fetch");
    run(std::move(stop));
  });
}

Fetcher::~Fetcher() {
  thread_.join();
  client_.subscribe({}, {});
  client_.on_connect({});
}

void Fetcher::doubt_leases() {
  signals_->in_doubt = true;
  signals_->wakeup.notify();
}

void Fetcher::return_messages() {
  const auto ids = buffer_.returns();
  if (ids.empty()) return;
  put_back(ids);
  buffer_.returned();
  signals_->wakeup.notify();
}

void Fetcher::stop(SteadyTime give_up_at) {
  std::unique_lock lock(mutex_);
  give_up_at_ = give_up_at;
  lock.unlock();
  buffer_.close();
  thread_.request_stop();
  lock.lock();
  ended_.wait_until(lock, give_up_at, [this] { return has_ended_; });
}

template <class T>
Result<T> Fetcher::ask(redis::Query<T> query) {
  Result<T> result = client_.run(std::move(query));
  if (!result && is_away(result.error())) lost_contact();
  return result;
}

void Fetcher::listen() {
  std::vector<std::string> channels;
  std::map<std::string, std::string, std::less<>> queues;
  for (const std::string& queue : options_.queues) {
    for (std::string& channel : broker_.bell_channels(queue)) {
      queues.emplace(channel, queue);
      channels.push_back(std::move(channel));
    }
  }
  client_.subscribe(std::move(channels), [this, signals = signals_, queues = std::move(queues)](
                                             std::string_view channel, std::string_view event) {
    // Of the keyspace events only those that bring a message.
    const bool keyspace = channel.starts_with("__keyspace@");
    if (keyspace && event != "rpush" && event != "lpush") return;
    const bool delayed = is_delay_queue(keyspace ? channel : event);
    if (delayed) signals->delayed = true;
    const bool plain = !delayed && !signals->in_doubt;
    if (plain && signals->wakeup.take_over())
      fetch_on_client_thread(queues.find(channel)->second);  // we live as long as our thread waits for this
    else
      signals->wakeup.notify();
  });
  // Also after a break that none of our calls noticed: a Redis that was killed has forgotten its last
  // moments, so what we settled then may be in our ack sets again.
  client_.on_connect([signals = signals_] {
    signals->in_doubt = true;
    signals->wakeup.notify();
  });
}

void Fetcher::run(std::stop_token stop) {
  milliseconds idle = options_.poll_min;
  while (!stop.stop_requested()) {
    if (!reach(client_, stop)) {
      lost_contact();
      continue;
    }
    if (signals_->in_doubt && !attach()) {
      pause(kLoadingPause, stop);
      continue;
    }
    if (look()) {
      idle = options_.poll_min;
    } else {
      const bool notified = signals_->wakeup.wait_until(wake_at(idle), stop);
      const milliseconds calm =
          notified_of_pushes_ ? std::max(options_.poll_heard, options_.poll_max) : options_.poll_max;
      const milliseconds longest = problems_.empty() ? calm : std::max(calm, kTroubled);
      idle = notified ? options_.poll_min : std::min(idle * 3 / 2 + 1ms, longest);
    }
  }
  put_back(buffer_.drain());
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  ended_.notify_all();
}

// Makes us known, and what the buffer holds agree with our ack sets.
bool Fetcher::attach() {
  signals_->in_doubt = false;
  bool agreed = is_attached(ask(Workers(broker_).enter(::getpid())));
  for (const std::string& queue : options_.queues)
    agreed = agreed && reconcile(queue) && reconcile(delay_queue(queue));
  if (agreed) trouble_.worked(kNotAttached);
  if (!agreed) signals_->in_doubt = true;
  signals_->delayed = true;
  notified_of_pushes_ = is_notified_of_pushes();
  return agreed;
}

template <class T>
bool Fetcher::is_attached(const Result<T>& result) {
  if (!result) trouble_.failed(kNotAttached, result.error());
  return result.has_value();
}

// Whether Redis tells of every push to a list. One that does not let itself be asked counts as silent.
bool Fetcher::is_notified_of_pushes() {
  const auto replies = client_.send({redis::Command("CONFIG", "GET", "notify-keyspace-events")});
  const auto words =
      replies ? redis::texts((*replies)[0]) : Result<std::vector<std::string>>(replies.error());
  if (!words || words->size() < 2) return false;
  const std::string& flags = (*words)[1];
  return flags.find('K') != std::string::npos && flags.find_first_of("lA") != std::string::npos;
}

bool Fetcher::reconcile(const std::string& queue) {
  const auto leased = ask(broker_.held(queue));
  if (!is_attached(leased)) return false;
  const Leases::Difference difference = buffer_.reconcile(queue, *leased);
  lost_ += difference.lost;
  return difference.strangers.empty() || is_attached(ask(broker_.requeue(queue, difference.strangers)));
}

// At everything, once. True when it brought something: then there may be more.
bool Fetcher::look() {
  bool found = false;
  for (const std::string& queue : options_.queues)
    if (const std::int64_t count = buffer_.wanted(); count > 0)
      found = receive(queue, ask(broker_.fetch(queue, count))) || found;
  const auto due = delays_.next_due();
  if (signals_->delayed.exchange(false) || steady_now() >= next_delayed_look_ ||
      (due && *due <= client_.clock().now()))
    found = look_at_delayed() || found;
  return found;
}

bool Fetcher::look_at_delayed() {
  bool found = false;
  next_delayed_look_ = steady_now() + (notified_of_pushes_ ? options_.poll_heard : kDelayedPoll);
  for (const std::string& queue : options_.queues) {
    if (buffer_.is_closed()) return false;
    const auto look = delays_.look(queue, client_.clock().now());
    if (!look && is_away(look.error())) lost_contact();
    if (!look || look->trouble) signals_->in_doubt = true;
    report(delay_queue(queue), look ? look->trouble : look.error(), look ? look->quarantined : 0);
    if (!look) continue;
    lost_ += look->lost;
    found = found || look->found;
  }
  if (found) signals_->delayed = true;
  return found;
}

// While the fetching thread waits: so a lone message wakes no thread but the one that runs it. Where the last
// messages were brief ones, these are noted as started while they are fetched.
void Fetcher::fetch_on_client_thread(const std::string& queue) {
  const std::int64_t count = buffer_.wanted();
  if (count == 0) return signals_->wakeup.hand_back(true);
  client_.run<Fetched>(
      broker_.fetch(queue, count, buffer_.fetches_ahead()), [this, queue](Result<Fetched> fetched) {
        if (fetched && fetched->started) {
          const bool right = buffer_.is_one_slice(work_of(fetched->deliveries));
          std::vector<std::string> ids;
          for (Received& received : fetched->deliveries) {
            received.marked = right;
            received.unaborted = received.unaborted && right;  // what waits may be aborted meanwhile
            ids.push_back(received.redis_message_id);
          }
          // Before they start: what is sent first is done first.
          if (!right) client_.run<redis::Done>(broker_.forget_starts(queue, ids), [](auto) {});
        }
        if (!fetched && is_away(fetched.error())) lost_contact();
        const bool found = receive(queue, std::move(fetched));
        signals_->wakeup.hand_back(found || signals_->in_doubt);
      });
}

std::vector<Leases::Work> Fetcher::work_of(const std::vector<Received>& messages) const {
  std::vector<Leases::Work> work;
  for (const Received& received : messages)
    work.push_back(options_.expected_work ? options_.expected_work(received.message) : 0us);
  return work;
}

// True when it brought something.
bool Fetcher::receive(const std::string& queue, Result<Fetched> fetched) {
  // After an error messages may be in our ack set that never came.
  if (!fetched || fetched->trouble) signals_->in_doubt = true;
  report(queue, fetched ? fetched->trouble : fetched.error(), fetched ? fetched->quarantined : 0);
  if (!fetched || fetched->deliveries.empty()) return fetched && fetched->quarantined > 0;
  const auto work = work_of(fetched->deliveries);
  buffer_.add(std::move(fetched->deliveries), work);
  return true;
}

SteadyTime Fetcher::wake_at(milliseconds idle) const {
  const auto due = delays_.next_due();
  const auto until_due = due ? *due - client_.clock().now() : std::chrono::microseconds(idle);
  return steady_now() + std::clamp<std::chrono::microseconds>(until_due, 1ms, idle);
}

// One line per queue and cause, not per attempt; the client itself says when Redis is away.
void Fetcher::report(const std::string& queue, const std::optional<Error>& error, std::int64_t quarantined) {
  if (quarantined > 0)
    log::warning("undecodable messages became dead letters", {{"queue", queue}, {"count", quarantined}});
  if (!error) {
    if (!problems_.empty() && problems_.erase(queue) > 0)
      log::info("a queue can be read again", {{"queue", queue}});
    return;
  }
  if (is_away(*error)) return;
  std::string& known = problems_[queue];
  if (std::exchange(known, error->message) != error->message)
    log::error("a queue cannot be read", {{"queue", queue}, {"error", error->message}});
}

void Fetcher::put_back(const PrefetchBuffer::Ids& ids) {
  for (const auto& [queue, list] : ids) {
    const std::string what = "messages cannot be given back to queue " + queue;
    for (redis::Backoff backoff;;) {
      const auto back = ask(broker_.requeue(queue, list));
      if (back) {
        lost_ += static_cast<std::int64_t>(list.size()) - *back;
        trouble_.worked(what);
        break;
      }
      trouble_.failed(what, back.error());
      if (!may_still_give_back()) break;
      if (reach(client_)) pause(backoff.next());  // it is there, but does not do it yet
    }
  }
}

bool Fetcher::may_still_give_back() {
  const std::lock_guard lock(mutex_);
  return steady_now() < give_up_at_;
}

}  // namespace medsynth::dramatiq
