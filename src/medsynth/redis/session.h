// What a Client shares with the handlers that are under way. Internal to client.cc and session.cc.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/redis/connection.hpp>
#include <boost/redis/request.hpp>

#include "medsynth/redis/client.h"
#include "medsynth/redis/exchange.h"

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

 private:
  void connect();
  void greet();
  void greeted(std::uint64_t attempt, boost::system::error_code error);
  void listen(std::uint64_t attempt);
  boost::redis::request to_listen();
  void now_connected();
  void give_up_attempt(std::string why);
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
  boost::asio::io_context& context_;
  boost::redis::connection connection_;
  boost::asio::steady_timer connect_timer_;  // an attempt's deadline, then the wait for the next
  boost::asio::steady_timer sweep_timer_;
  bool sweeping_ = false;
  bool closed_ = false;
  std::uint64_t attempt_ = 0;
  std::chrono::milliseconds backoff_;
  std::string failure_;  // what we found wrong with this attempt's server
  boost::redis::request greeting_;
  boost::redis::request subscription_;
  ReplyBuilder greeting_replies_;
  ReplyBuilder pushes_;
  // All have the same timeout, so the first is also the first to be overdue.
  std::list<std::shared_ptr<Exchange>> pending_;
  std::vector<std::string> channels_;
  std::vector<std::string> listening_;  // this connection, at the latest when what was sent is done
  Client::Message message_;
  std::function<void()> on_connect_;

  std::atomic<bool> connected_{false};
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  int waiting_ = 0;                               // guarded by mutex_
  bool shut_ = false;                             // guarded by mutex_
  std::string last_error_ = "not connected yet";  // guarded by mutex_
};

}  // namespace medsynth::redis
