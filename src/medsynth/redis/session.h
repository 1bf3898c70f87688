// What a Client shares with the handlers that are under way. Internal to client.cc and session.cc.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/redis/connection.hpp>
#include <boost/redis/request.hpp>

#include "medsynth/base/mutex.h"
#include "medsynth/redis/client.h"
#include "medsynth/redis/connect_failure.h"
#include "medsynth/redis/exchange.h"
#include "medsynth/redis/server_clock.h"

namespace medsynth::redis {

// One connection after another, and what is sent over them. Everything but the guarded state belongs to the
// context's thread. Handlers share it, so it outlives the Client until they have run or were dropped with the
// context.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(ClientOptions options, boost::asio::io_context& context);

  void start();
  void close();
  void release_waiters();  // after close(): returns when nobody is in wait_connected()
  void send(std::vector<Command> commands, Client::Completion done);
  void subscribe(std::vector<std::string> channels, Client::Message message);
  void on_connect(std::function<void()> callback);

  bool on_own_thread() const { return context_.get_executor().running_in_this_thread(); }
  std::chrono::milliseconds timeout() const { return options_.timeout; }
  bool connected() const { return connected_; }
  std::string last_error() const;
  Result<> wait_connected(std::chrono::milliseconds timeout, std::stop_token stop);
  const Clock& clock() const { return clock_; }

 private:
  void connect();
  void greet();
  void greeted(std::uint64_t attempt, boost::system::error_code error);
  void ask_time(std::uint64_t attempt);
  void listen(std::uint64_t attempt);
  void listen_again();
  void subscribe_to(std::uint64_t attempt, std::vector<std::string> channels);
  void now_connected();
  void give_up_attempt(std::string why);
  void give_up(std::string why);
  std::chrono::steady_clock::duration lived() const;
  void disconnected(boost::system::error_code error);

  void begin(const std::shared_ptr<Exchange>& exchange);
  void exchange_now(const std::shared_ptr<Exchange>& exchange);
  void answered(const std::shared_ptr<Exchange>& exchange, boost::system::error_code error);
  void finish(const std::shared_ptr<Exchange>& exchange, Result<Replies> result);
  void finish_later(const std::shared_ptr<Exchange>& exchange, Error error);
  void sweep_later();
  void sweep();

  void receive();
  void deliver_pushes();

  Error unavailable(std::string_view why) const;

  const ClientOptions options_;
  Url at_;  // where this attempt goes: the way into options_.url
  boost::asio::io_context& context_;
  ConnectFailure why_;
  boost::redis::connection connection_;
  boost::asio::steady_timer connect_timer_;  // an attempt's deadline, then the wait for the next
  boost::asio::steady_timer sweep_timer_;
  boost::asio::steady_timer time_timer_;  // until Redis' clock is asked again
  bool sweeping_ = false;
  bool closed_ = false;
  std::uint64_t attempt_ = 0;
  std::chrono::milliseconds backoff_;
  std::chrono::milliseconds unfit_wait_{0};  // the wait after one that connected and was given up
  std::optional<std::chrono::steady_clock::time_point> connected_at_;
  std::string failure_;  // what we found wrong with this attempt's server
  std::string said_;     // the last cause that was logged
  boost::redis::request greeting_;
  boost::redis::request subscription_;
  ReplyBuilder greeting_replies_;
  ReplyBuilder subscription_replies_;
  ReplyBuilder pushes_;
  // All have the same timeout, so the first is also the first to be overdue.
  std::list<std::shared_ptr<Exchange>> pending_;
  std::vector<std::shared_ptr<Exchange>> held_;  // until this connection listens on the new channels
  bool listens_ = false;                         // on channels_
  std::vector<std::string> channels_;
  std::vector<std::string> listening_;  // this connection, at the latest when what was sent is done
  std::vector<std::string> heard_;      // of these, those that this user may hear
  bool hears_all_ = true;
  Client::Message message_;
  std::function<void()> on_connect_;

  ServerClock clock_;
  std::atomic<bool> connected_{false};
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  int waiting_ GUARDED_BY(mutex_) = 0;
  bool shut_ GUARDED_BY(mutex_) = false;
  std::string last_error_ GUARDED_BY(mutex_) = "not connected yet";
};

}  // namespace medsynth::redis
