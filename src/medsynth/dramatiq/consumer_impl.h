// What a consumer is made of. Internal to consumer.cc (taking, giving back) and fetching.cc.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "medsynth/dramatiq/consumer.h"
#include "medsynth/dramatiq/delays.h"
#include "medsynth/dramatiq/hand.h"
#include "medsynth/dramatiq/keeper.h"
#include "medsynth/dramatiq/waiting.h"
#include "medsynth/redis/trouble.h"

namespace medsynth::dramatiq {

constexpr std::chrono::milliseconds kSlice{
    1};  // work that is handed out together: its records are written together
constexpr std::string_view kNotAttached = "a worker cannot look after what it holds";
constexpr std::size_t kMostInSlice = 256;

// What the client's thread tells the fetching thread, perhaps when the consumer is already gone.
struct Signals {
  Bell bell;                        // lent to the client's thread, which fetches then
  std::atomic<bool> unsure{true};   // our ack sets may differ from what is in hand
  std::atomic<bool> delayed{true};  // something came to a delay queue
};

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
  Hand hand;                            // guarded by mutex, like the next six
  std::int64_t waiting = 0;             // takers
  std::int64_t ahead = 0;               // messages worth fetching before somebody waits for them
  // Threads that put back what was given back: what is behind it must not be fetched before.
  std::int64_t requeuing = 0;
  bool stopping = false;
  bool given_back = false;                    // the fetching thread has ended
  SteadyTime give_up_at = SteadyTime::max();  // then nothing is given back any more

  std::atomic<std::int64_t> lost{0};

  redis::Trouble trouble;

  Delays delays;                                             // the fetching thread's, like the next three
  std::map<std::string, std::string, std::less<>> problems;  // by queue: why it cannot be read
  SteadyTime next_delayed_look = {};
  bool hears = false;  // Redis sends keyspace events

  std::unique_ptr<Keeper> keeper;
  std::jthread fetcher;  // last: it uses everything above

  template <class T>
  Result<T> ask(redis::Query<T> query) {
    Result<T> result = client.run(std::move(query));
    if (!result && is_away(result.error())) keeper->lost_contact();
    return result;
  }

  // Fetching (fetching.cc).
  void listen();
  void fetch_loop(std::stop_token stop);
  bool attach();
  template <class T>
  bool is_attached(const Result<T>& result) {
    if (!result) trouble.failed(kNotAttached, result.error());
    return result.has_value();
  }
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
  SteadyTime wake_at(std::chrono::milliseconds idle);
  void report(const std::string& queue, const std::optional<Error>& error);
  void give_back_all();

  // Taking and giving back (consumer.cc).
  std::vector<Received> take(std::size_t count, std::chrono::milliseconds timeout, std::stop_token stop);
  void put_back(const std::map<std::string, std::vector<std::string>>& ids);
  void flush_returns();
  bool may_still_give_back();
};

}  // namespace medsynth::dramatiq
