// Carries out what attempt.h decides: takes messages from fetched to settled, many at a time. To follow one,
// read run(), which is every message's way up to its actor, and finish_loop(), which is its way from there.
//
//   Executor executor(parts, {.worker = "host/id"});
//   while (!stop.stop_requested()) executor.run(consumer.take_some(1s, stop));    // on each worker thread
//
// A batch goes step by step: all attempts that have the same effect are one exchange with Redis, a lone one
// is a batch of one. Redis is asked three times for a task: start (with a look at its record and for aborts),
// record, settle. The actors of a batch run one after the other on the thread that brought it; ends are
// written by three threads of the executor ("ms-finish"): while Redis writes what one gave it, another
// gathers. What Redis does not do now is tried again with growing pauses, and said once per cause.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/dramatiq/consumer.h"
#include "medsynth/limits/limits.h"
#include "medsynth/pipeline/exchanges.h"
#include "medsynth/pipeline/exclusive.h"
#include "medsynth/pipeline/flight.h"
#include "medsynth/pipeline/in_flight.h"
#include "medsynth/pipeline/job.h"
#include "medsynth/redis/client.h"
#include "medsynth/redis/trouble.h"
#include "medsynth/tasks/store.h"

namespace medsynth::pipeline {

// What an executor works with; all of it outlives the executor.
struct ExecutorParts {
  redis::Client& client;
  const tasks::Store& store;
  const dramatiq::Broker& broker;
  dramatiq::Consumer& consumer;
  limits::Limiter& limiter;
  InFlight& in_flight;
  Host& host;
  const Clock& clock;
};

struct ExecutorOptions {
  std::string worker;           // host and worker id, for the records
  std::int64_t max_deaths = 3;  // 0: never
  // What cannot start within this time goes back to the head of the queue, where another worker may take it,
  // and with it everything behind it that has not started.
  std::chrono::milliseconds patience{1000};
};

class Executor {
 public:
  Executor(ExecutorParts parts, ExecutorOptions options);
  ~Executor();  // tries once more to settle what it has, as after abandon()

  // Thread safe. Returns when each of them has run or left; never throws, never loses one: what cannot be
  // settled stays in our ack set and is recovered.
  void run(std::vector<dramatiq::Delivery> deliveries);
  // From now on nothing waits for Redis any more.
  void abandon();
  // Whether everything that ran is settled, waiting until the deadline.
  bool wait_idle(SteadyTime deadline);

 private:
  class RunOf;
  struct Running {  // by a worker thread
    tasks::Attempt attempt;
    std::shared_ptr<InFlightTask> task;
    SteadyTime due = SteadyTime::max();  // when its record is to say processing
  };

  Flights fly(Flights flights);
  void prepare(Flight& flight);
  void refuse(Flight& flight, Error error);
  void admit(Flight& flight);
  Exclusive::Place enter(const Group& group);
  SteadyTime::duration call(Flight& flight);
  void note(Flight& flight) const;
  void step(Flight& flight, const Event& event);
  Group carry_out(Effect effect, const Group& group);
  bool gives_up(Effect effect, const Group& group) const;
  void leave(Flights& flights);
  void release(Flights& flights);
  void settled(const Group& group);

  void running(const Flight& flight, SteadyTime due);
  void finish(std::unique_ptr<Flight> flight);
  void flush();
  void finish_loop(const std::stop_token& stop);
  void finish_all(Flights flights);
  bool is_due(SteadyTime now) const;
  SteadyTime next_due() const;

  ExecutorParts parts_;
  ExecutorOptions options_;
  Exchanges exchanges_;
  Exclusive exclusive_;
  redis::Trouble trouble_;
  std::stop_source abandon_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::thread::id, Running> running_;  // guarded by mutex_, like the next seven
  Flights gathered_;
  SteadyTime first_ = {};  // when the first of them came
  bool flush_ = false;     // they need not wait for more
  Flights aside_;          // that Redis refused
  SteadyTime aside_due_ = {};
  redis::Backoff backoff_;
  int busy_ = 0;                         // threads that write
  std::array<std::jthread, 3> threads_;  // last: they use everything above
};

}  // namespace medsynth::pipeline
