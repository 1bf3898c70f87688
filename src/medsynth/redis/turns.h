// Who runs a client's context where its callers do the work: one thread at a time. A caller that waits for
// its answer takes the turn when nobody has it, and hands it on when it leaves; the client's own thread has
// it while nobody calls. So a lone caller writes and reads by itself, and of many one works for all. Internal
// to client.cc. Thread safe; outlives the client for those who are just leaving.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>

#include "medsynth/base/mutex.h"
#include "medsynth/redis/query.h"

namespace medsynth::redis {

class Turns {
 public:
  using Completion = std::function<void(Result<Replies>)>;

  explicit Turns(boost::asio::io_context& context) : context_(context) {}

  // The client's own thread: until the context is stopped and nobody is in it.
  void serve() EXCLUDES(mutex_);
  // The own thread takes the turn at once from now on: something that stops the context was posted.
  void end();
  // Starts something that completes on the context; its answer, or nullopt when there was none until then.
  std::optional<Result<Replies>> call(const std::function<void(Completion)>& start,
                                      std::chrono::steady_clock::time_point until);

 private:
  struct Call {
    std::optional<Result<Replies>> answer;  // written with the lock and the turn, read with either
    bool left = false;                      // its caller went without; guarded by mutex_
    CondVar changed;                        // it is there, or the turn is free
  };

  // Runs handlers without the lock, until `enough`; then hands the turn on.
  void run(const std::function<bool()>& enough, std::chrono::steady_clock::time_point until) REQUIRES(mutex_);

  boost::asio::io_context& context_;
  Mutex mutex_;
  CondVar own_thread_;
  bool taken_ GUARDED_BY(mutex_) = false;
  bool called_ GUARDED_BY(mutex_) = false;  // since the own thread looked
  bool ending_ GUARDED_BY(mutex_) = false;
  bool over_ GUARDED_BY(mutex_) = false;                      // nobody runs any more
  std::list<std::shared_ptr<Call>> open_ GUARDED_BY(mutex_);  // whose threads wait for an answer
};

}  // namespace medsynth::redis
