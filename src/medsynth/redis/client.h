// One connection to Redis that many threads share: what they send is pipelined. It connects by itself,
// reconnects with backoff, and fails fast with `unavailable` while there is no connection. Over Boost.Redis,
// on its own thread ("ms-redis") or on an io_context of the caller's that one thread runs.
//
//   redis::Client client({.url = *redis::parse_url("redis://localhost")});
//   BOOST_OUTCOME_TRY(client.wait_connected(2s, stop));
//   BOOST_OUTCOME_TRY(auto replies, client.send({Command("SET", "key", value), Command("GET", "key")}));
//
// Thread safe. Completions run on the client's thread and must not block; run() blocks and must not be called
// there. A command that was sent but not answered when the connection was lost ends with `unavailable`, and
// may or may not have happened, as may one that ended with `timeout`: write scripts so that doing them again
// is harmless.
//
// An answer that says that this connection can never work (error_reply.h: READONLY of a master that became a
// replica, NOAUTH, MOVED ...) ends the connection, and so does a refused SUBSCRIBE; last_error() says why,
// and each cause is logged once.
//
// Not for commands that block (BLPOP) longer than the timeout: a connection that is silent for twice the
// timeout is given up. Not for SUBSCRIBE and MONITOR as commands. A script inside MULTI is not sent again
// when Redis does not know it.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/redis/query.h"
#include "medsynth/redis/url.h"

namespace boost::asio {
class io_context;
}

namespace medsynth::redis {

struct ClientOptions {
  Url url;
  std::string name = "medsynth";            // CLIENT SETNAME
  std::chrono::milliseconds timeout{5000};  // of one exchange
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds reconnect_wait{200};  // doubles up to 2 s
  bool quiet = false;                             // no log lines about the connection
  bool accept_replica = false;  // to look at one; else a replica is no connection, for it takes no writes
  // Those who block in send() and run() carry the connection's work meanwhile, so that nothing hops to the
  // client's thread and back: completions run on their threads too. Not with a context of the caller's.
  bool callers_work = false;
};

class Client {
 public:
  using Completion = std::function<void(Result<Replies>)>;
  using Message = std::function<void(std::string_view channel, std::string_view payload)>;

  explicit Client(ClientOptions options, boost::asio::io_context* shared = nullptr);
  // Ends every waiting call with `cancelled`. Not on the client's own thread; with a shared context on the
  // thread that runs it, or after it was stopped.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends the commands together. A script that Redis does not know is sent again with its source. Error
  // replies are Replies, not Errors. `unavailable` (reason "redis_unavailable", retry after 1 s), `timeout`,
  // `cancelled`; never completes within the call.
  void send(std::vector<Command> commands, Completion done);
  Result<Replies> send(std::vector<Command> commands);  // blocks up to the timeout

  template <class T>
  void run(Query<T> query, std::function<void(Result<T>)> done);
  template <class T>
  Result<T> run(Query<T> query);  // blocks up to the timeout per step

  bool connected() const;
  // Blocks until connected; `timeout` with the last connection error, or `cancelled`.
  Result<> wait_connected(std::chrono::milliseconds timeout, std::stop_token stop = {});
  // Why there is no connection, for people; empty when there is one.
  std::string last_error() const;
  // Redis' time, for everything that another process compares with its own; this machine's until the first
  // connection. Lives as long as the client.
  const Clock& clock() const;

  // Listens on channels, also again after each reconnect. Call before or after connecting; `message` runs on
  // the client's thread. One subscription set per client: a later call replaces the earlier. Each connection
  // is subscribed before it is reported as connected; on a living one the subscription stands before any
  // command that is sent after this call.
  void subscribe(std::vector<std::string> channels, Message message);
  // Runs after each successful (re)connect, on the client's thread; at once when there is a connection
  // already. One that was replaced, here or above, may still be called a moment later: what it uses must live
  // as long as the client.
  void on_connect(std::function<void()> callback);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

template <class T>
void Client::run(Query<T> query, std::function<void(Result<T>)> done) {
  send(std::move(query.commands),
       [this, decode = std::move(query.decode), done = std::move(done)](Result<Replies> replies) mutable {
         if (!replies) return done(replies.error());
         Result<Step<T>> step = decode(std::move(*replies));
         if (!step) return done(step.error());
         if (step->next) return run(std::move(*step->next), std::move(done));
         done(std::move(*step->value));
       });
}

template <class T>
Result<T> Client::run(Query<T> query) {
  for (;;) {
    BOOST_OUTCOME_TRY(auto replies, send(std::move(query.commands)));
    BOOST_OUTCOME_TRY(auto step, query.decode(std::move(replies)));
    if (!step.next) return std::move(*step.value);
    query = std::move(*step.next);
  }
}

}  // namespace medsynth::redis
