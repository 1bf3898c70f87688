// Who runs a client's context where its callers do the work: one thread at a time. A caller that waits for
// its answer takes the turn when nobody has it, and hands it on when it leaves; the client's own thread has
// it while nobody calls. So a lone caller writes and reads by itself, and of many one works for all. Internal
// to client.cc. Thread safe; outlives the client for those who are just leaving.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include <boost/asio/io_context.hpp>

#include "medsynth/redis/query.h"

namespace medsynth::redis {

class Turns {
 public:
  using Completion = std::function<void(Result<Replies>)>;

  explicit Turns(boost::asio::io_context& context) : context_(context) {}

  // The client's own thread: until the context is stopped and nobody is in it.
  void serve();
  // The own thread takes the turn at once from now on: something that stops the context was posted.
  void end();
  // Starts something that completes on the context; its answer, or nullopt when there was none until then.
  std::optional<Result<Replies>> call(const std::function<void(Completion)>& start,
                                      std::chrono::steady_clock::time_point until);

 private:
  struct Call {
    std::optional<Result<Replies>> answer;  // written with the lock and the turn, read with either
    bool left = false;                      // its caller went without; guarded by mutex_
    std::condition_variable changed;        // it is there, or the turn is free
  };
  using Lock = std::unique_lock<std::mutex>;

  // Runs handlers without the lock, until `enough`; then hands the turn on.
  void run(Lock& lock, const std::function<bool()>& enough, std::chrono::steady_clock::time_point until);

  boost::asio::io_context& context_;
  std::mutex mutex_;
  std::condition_variable own_thread_;
  bool taken_ = false;                     // guarded by mutex_
  bool called_ = false;                    // since the own thread looked; guarded by mutex_
  bool ending_ = false;                    // guarded by mutex_
  bool over_ = false;                      // nobody runs any more; guarded by mutex_
  std::list<std::shared_ptr<Call>> open_;  // whose threads wait for an answer; guarded by mutex_
};

}  // namespace medsynth::redis
