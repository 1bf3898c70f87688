// redis::Client when Redis stalls, goes away and comes back, and when the client itself ends.
#include <atomic>
#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "medsynth/redis/client.h"

#include "support/redis_server.h"

namespace medsynth::redis {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

ClientOptions options_for(const test::RedisServer& server, std::chrono::milliseconds timeout = 5s) {
  return {.url = *parse_url(server.unix_url()), .timeout = timeout, .reconnect_wait = 20ms};
}

// Counts, and lets a test wait for a count.
class Counter {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  bool reaches(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

// Waits until the client has noticed that its connection is gone.
bool becomes_disconnected(const Client& client) {
  const auto deadline = Clock::now() + 10s;
  while (client.connected() && Clock::now() < deadline) std::this_thread::sleep_for(1ms);
  return !client.connected();
}

// A server that does not answer: the call ends with `timeout` in its time, and later calls work again.
TEST(ClientTimeout, EndsTheCallAndKeepsTheConnection) {
  test::RedisServer server;
  Client client(options_for(server, 200ms));
  ASSERT_TRUE(client.wait_connected(5s));
  server.pause();
  const auto start = Clock::now();
  const auto stalled = client.send({Command("SET", "late", "yes")});
  const auto took = Clock::now() - start;
  ASSERT_FALSE(stalled);
  EXPECT_EQ(stalled.error().code, Code::timeout);
  EXPECT_GE(took, 200ms);
  EXPECT_TRUE(client.connected());
  server.resume();
  // The late answer belongs to nobody; the next one to this call.
  ASSERT_TRUE(client.wait_connected(5s));
  Result<Replies> next = client.send({Command("GET", "late")});
  for (int tries = 0; !next && tries < 20; ++tries) next = client.send({Command("GET", "late")});
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(*text((*next)[0]), "yes");
}

// A server that accepts but never speaks is given up, and the reason is said.
TEST(ClientTimeout, GivesUpAServerThatNeverGreets) {
  test::RedisServer server;
  server.pause();
  ClientOptions options = options_for(server);
  options.connect_timeout = 50ms;
  Client client(options);
  const auto waited = client.wait_connected(600ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, Code::timeout);
  EXPECT_NE(client.last_error().find("no answer within 100 ms"), std::string::npos) << client.last_error();
  server.resume();
  EXPECT_TRUE(client.wait_connected(10s));
}

// Killed and restarted: calls in between fail at once with `unavailable`, then everything works,
// subscriptions too.
TEST(ClientReconnect, ComesBackByItself) {
  test::RedisServer server;
  Client client(options_for(server));
  Counter connects, messages;
  client.on_connect([&] { connects.add(); });
  client.subscribe({"news"}, [&](std::string_view, std::string_view) { messages.add(); });
  ASSERT_TRUE(client.wait_connected(5s));
  ASSERT_TRUE(connects.reaches(1));
  for (int round = 1; round <= 3; ++round) {
    server.kill();
    ASSERT_TRUE(becomes_disconnected(client));
    const auto start = Clock::now();
    const auto refused = client.send({Command("GET", "x")});
    ASSERT_FALSE(refused);
    EXPECT_LT(Clock::now() - start, 1s);  // far below the timeout of 5 s
    EXPECT_EQ(refused.error().code, Code::unavailable);
    EXPECT_EQ(refused.error().reason, "redis_unavailable");
    EXPECT_EQ(refused.error().retry_after, std::chrono::seconds(1));
    EXPECT_NE(refused.error().message.find("redis.sock"), std::string::npos);
    EXPECT_FALSE(client.last_error().empty());
    server.start();
    ASSERT_TRUE(client.wait_connected(10s)) << client.last_error();
    EXPECT_TRUE(client.last_error().empty());
    ASSERT_TRUE(connects.reaches(1 + round));
    ASSERT_TRUE(client.send({Command("PUBLISH", "news", "again")}));
    EXPECT_TRUE(messages.reaches(round));
  }
}

// Calls that were under way when the connection broke end with `unavailable`; none waits for its timeout,
// none is lost.
TEST(ClientReconnect, EndsCallsUnderWay) {
  test::RedisServer server;
  Client client(options_for(server, 30s));
  ASSERT_TRUE(client.wait_connected(5s));
  server.pause();
  Counter ended;
  std::atomic<int> unavailable{0};
  for (int i = 0; i < 100; ++i)
    client.send({Command("INCR", "n")}, [&](Result<Replies> replies) {
      if (!replies && replies.error().code == Code::unavailable) ++unavailable;
      ended.add();
    });
  server.kill();
  EXPECT_TRUE(ended.reaches(100));
  EXPECT_EQ(unavailable, 100);
}

// With nobody there, waiting ends in time, at the caller's wish, and when the client ends.
TEST(ClientWait, EndsInEachWay) {
  test::TempFolder folder;
  const Url nobody{.unix_path = (folder.path() / "none.sock").string()};
  auto client = std::make_unique<Client>(ClientOptions{.url = nobody});
  const auto late = client->wait_connected(50ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::timeout);
  EXPECT_NE(late.error().message.find("No such file"), std::string::npos) << late.error().message;
  EXPECT_EQ(client->send({Command("PING")}).error().code, Code::unavailable);

  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(client->wait_connected(1min, stop.get_token()).error().code, Code::cancelled);

  std::latch waiting(1);
  auto waiter = std::async(std::launch::async, [&waiting, waits = client.get()] {
    waiting.count_down();
    return waits->wait_connected(1min).error().code;
  });
  waiting.wait();
  EXPECT_EQ(waiter.wait_for(20ms), std::future_status::timeout);
  client.reset();
  EXPECT_EQ(waiter.get(), Code::cancelled);
}

// The end of the client ends every waiting call with `cancelled`, on the client's thread or within the
// destructor.
TEST(ClientEnd, CancelsWaitingCalls) {
  test::RedisServer server;
  for (const bool shared : {false, true}) {
    boost::asio::io_context context;
    int cancelled = 0;
    {
      Client client(options_for(server, 1min), shared ? &context : nullptr);
      client.on_connect([&] { context.stop(); });
      if (shared) context.run_for(5s);
      ASSERT_TRUE(client.wait_connected(5s));
      server.pause();
      for (int i = 0; i < 10; ++i)
        client.send({Command("PING")}, [&](Result<Replies> replies) {
          if (!replies && replies.error().code == Code::cancelled) ++cancelled;
        });
      if (shared) {
        context.restart();
        context.poll();
      }
    }
    EXPECT_EQ(cancelled, 10);
    server.resume();
  }
}

// A completion that sends again while the client ends is answered too, and the end is reached.
TEST(ClientEnd, SurvivesCallersThatTryAgain) {
  test::RedisServer server;
  auto client = std::make_unique<Client>(options_for(server, 1min));
  ASSERT_TRUE(client->wait_connected(5s));
  server.pause();
  Client& alive = *client;
  std::function<void(Result<Replies>)> again = [&](Result<Replies>) { alive.send({Command("PING")}, again); };
  client->send({Command("PING")}, again);
  client.reset();
  server.resume();
}

// Clients that never connected, or just began to, end at once.
TEST(ClientEnd, NeedsNoConnection) {
  test::TempFolder folder;
  const Url nobody{.unix_path = (folder.path() / "none.sock").string()};
  const auto start = Clock::now();
  for (int i = 0; i < 50; ++i) Client client({.url = nobody});
  const Url closed_port{.host = "127.0.0.1", .port = std::to_string(test::free_port())};
  for (int i = 0; i < 50; ++i) Client client({.url = closed_port});
  EXPECT_LT(Clock::now() - start, 10s);
}

// A server that still loads its data is not reported as connected.
TEST(ClientLoading, WaitsUntilTheDataIsThere) {
  test::RedisServer server({"--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024",
                            "--enable-debug-command", "yes"});
  {
    Client client(options_for(server));
    ASSERT_TRUE(client.wait_connected(5s));
    std::vector<Command> commands;
    for (int i = 0; i < 300; ++i)
      commands.emplace_back("SET", "k" + std::to_string(i), std::string(1024, 'x'));
    commands.emplace_back("BGREWRITEAOF");
    ASSERT_TRUE(client.run(all_ok(std::move(commands))));
  }
  server.kill();
  Client client(options_for(server));
  auto size = std::async(std::launch::async, [&]() -> Result<std::int64_t> {
    BOOST_OUTCOME_TRY(client.wait_connected(20s));
    BOOST_OUTCOME_TRY(auto replies, client.send({Command("DBSIZE")}));
    return integer(replies[0]);
  });
  server.start();  // returns when it has loaded
  const auto keys = size.get();
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(*keys, 300);
}

}  // namespace
}  // namespace medsynth::redis
