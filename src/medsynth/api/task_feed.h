// Hears from Redis which tasks change, for those who wait for one to end. It subscribes while somebody wants to
// hear, and some seconds longer. A change can be missed (a bell of Redis' is no promise): who waits looks again
// from time to time. Belongs to the thread that runs the io_context.
//
//   TaskFeed::Watch watch(feed, id, co_await asio::this_coro::executor);   // from now on it is told
//   ... is it still running? ...
//   co_await watch.wait(deadline);
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/redis/client.h"

namespace medsynth::api {

class TaskFeed {
 public:
  // `heard` is told each change (task id, status) while somebody wants to hear, and says whether it still does.
  TaskFeed(redis::Client& client, std::string channel,
           std::function<bool(std::string_view task_id, std::string_view status)> heard);

  class Watch {
   public:
    Watch(TaskFeed& feed, std::string task_id, const boost::asio::any_io_executor& executor);
    ~Watch();
    Watch(const Watch&) = delete;
    // Until the task has ended or is deleted, `deadline`, or everybody is to look again.
    boost::asio::awaitable<void> wait(SteadyTime deadline);

   private:
    friend class TaskFeed;
    TaskFeed& feed_;
    const std::string task_id_;
    boost::asio::steady_timer timer_;
    bool told_ = false;
  };

  void listen();    // somebody wants to hear
  void wake_all();  // all who wait look again
  std::size_t size() const { return watches_.size(); }

 private:
  void take(std::string_view message);

  redis::Client& client_;
  const std::string channel_;
  const std::function<bool(std::string_view, std::string_view)> heard_;
  std::unordered_multimap<std::string, Watch*> watches_;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // the client outlives it
  bool listening_ = false;
  SteadyTime wanted_at_{};
};

}  // namespace medsynth::api
