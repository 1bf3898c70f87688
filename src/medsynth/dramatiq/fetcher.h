// Fetches messages and delayed ones for a consumer, and gives back what was not run: on the thread
// "ms-fetch", and while that sleeps on the client's. Keeps what the buffer holds in step with our ack sets.
// Thread safe; internal to this room.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "medsynth/dramatiq/consumer.h"
#include "medsynth/dramatiq/delays.h"
#include "medsynth/dramatiq/keeper.h"
#include "medsynth/dramatiq/prefetch_buffer.h"
#include "medsynth/dramatiq/wakeup.h"
#include "medsynth/redis/trouble.h"

namespace medsynth::dramatiq {

class Fetcher {
 public:
  // Takes the client's subscription. All outlive it.
  Fetcher(redis::Client& client, const Broker& broker, const ConsumerOptions& options);
  ~Fetcher();  // stop() first

  PrefetchBuffer& buffer() { return buffer_; }
  void lost_contact() { keeper_.lost_contact(); }
  // Our ack sets may differ from what the buffer holds.
  void doubt_leases();
  // Puts back to Redis what was given back to the buffer, where its turn has come. Blocks.
  void return_messages();
  // Fetches no more; what was not handed out goes back. What cannot go back until `give_up_at` is left to
  // recovery. Returns then at the latest.
  void stop(SteadyTime give_up_at);

  void count_lost(std::int64_t leases) { lost_ += leases; }
  std::int64_t lost_leases() const { return lost_; }

 private:
  // What the client's thread tells the fetching thread, perhaps when this object is already gone.
  struct Signals {
    Wakeup wakeup;
    std::atomic<bool> in_doubt{true};  // our ack sets may differ from what the buffer holds
    std::atomic<bool> delayed{true};   // something came to a delay queue
  };

  template <class T>
  Result<T> ask(redis::Query<T> query);
  void listen();
  void run(std::stop_token stop);
  bool attach();
  template <class T>
  bool is_attached(const Result<T>& result);
  bool is_notified_of_pushes();
  bool reconcile(const std::string& queue);
  bool look();
  bool look_at_delayed();
  void fetch_on_client_thread(const std::string& queue);
  std::vector<Leases::Work> work_of(const std::vector<Received>& messages) const;
  bool receive(const std::string& queue, Result<Fetched> fetched);
  SteadyTime wake_at(std::chrono::milliseconds idle) const;
  void report(const std::string& queue, const std::optional<Error>& error, std::int64_t quarantined);
  void put_back(const PrefetchBuffer::Ids& ids);
  bool may_still_give_back();

  redis::Client& client_;
  const Broker& broker_;
  const ConsumerOptions& options_;
  const std::shared_ptr<Signals> signals_ = std::make_shared<Signals>();
  PrefetchBuffer buffer_;
  std::atomic<std::int64_t> lost_{0};
  redis::Trouble trouble_;

  std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;                     // guarded by mutex_, like the next
  SteadyTime give_up_at_ = SteadyTime::max();  // then nothing is given back any more

  Delays delays_;                                             // the fetching thread's, like the next three
  std::map<std::string, std::string, std::less<>> problems_;  // by queue: why it cannot be read
  SteadyTime next_delayed_look_ = {};
  bool notified_of_pushes_ = false;

  Keeper keeper_;
  std::jthread thread_;  // last: it uses everything above
};

}  // namespace medsynth::dramatiq
