// Writes the records of messages that run briefly, many at a time: what ends within a millisecond is written
// together, a task that started and ended since the last write is one state, and a message is settled after
// its record was written. One that runs longer is shown as processing. Two threads ("ms-record"): while Redis
// writes what one gave it, the other makes the next ready. Thread safe.
#pragma once

#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "medsynth/dramatiq/consumer.h"
#include "medsynth/redis/client.h"
#include "medsynth/redis/trouble.h"
#include "medsynth/tasks/store.h"
#include "medsynth/worker/ending.h"

namespace medsynth::worker {

class Recorder {
 public:
  // `worker`: host and worker id, for the records.
  Recorder(redis::Client& client, const tasks::Store& store, dramatiq::Consumer& consumer, const Clock& clock,
           redis::Trouble& trouble, std::string worker);
  ~Recorder();  // writes what it has, for as long as Redis is there

  // This thread runs that attempt from now on, until ended().
  void started(const tasks::Attempt& attempt);
  void ended(Ending ending);
  void flush();  // what has ended need not wait for more
  // Whether everything is written and handed on to be settled, waiting until the deadline.
  bool wait_idle(SteadyTime deadline);

 private:
  struct Running {
    tasks::Attempt attempt;
    SteadyTime due = SteadyTime::max();  // when it is shown as processing
  };
  void run(std::stop_token stop);
  bool is_due(SteadyTime now) const;
  SteadyTime next_due() const;
  void write(std::span<Ending> endings, std::vector<tasks::Advance> started, const std::stop_token& stop);
  Result<std::vector<tasks::Written>> advance(const std::vector<tasks::Advance>& advances,
                                              const std::stop_token& stop);
  void settle(Ending& ending, const Result<std::vector<tasks::Written>>& written);

  redis::Client& client_;
  const tasks::Store& store_;
  dramatiq::Consumer& consumer_;
  const Clock& clock_;
  redis::Trouble& trouble_;
  const std::string worker_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::thread::id, Running> running_;  // guarded by mutex_, like the next four
  std::vector<Ending> gathered_;
  SteadyTime first_ = {};
  bool flush_ = false;
  int busy_ = 0;                         // threads that write
  std::array<std::jthread, 2> threads_;  // last: they use everything above
};

}  // namespace medsynth::worker
