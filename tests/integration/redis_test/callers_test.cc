// redis::Client whose callers do the connection's work: one for all, and all alike.
#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "medsynth/redis/client.h"

#include "support/redis_server.h"

namespace medsynth::redis {
namespace {

using namespace std::chrono_literals;

class CallersTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(client->wait_connected(5s)); }

  std::future<Result<Replies>> call(Command command) {
    return std::async(std::launch::async, [&alive = *client, command] { return alive.send({command}); });
  }
  // One caller whose command blocks the connection, and seven whose commands wait behind it, in Redis.
  std::vector<std::future<Result<Replies>>> eight_callers() {
    Client watch({.url = *parse_url(server.unix_url()), .name = "watch"});
    EXPECT_TRUE(watch.wait_connected(5s));
    const auto until = [&](const Command& command, const std::string& said) {
      const auto deadline = std::chrono::steady_clock::now() + 10s;
      while (std::chrono::steady_clock::now() < deadline)
        if (text((*watch.send({command}))[0]).value().find(said) != std::string::npos) return;
      ADD_FAILURE() << said << " did not come";
    };
    std::vector<std::future<Result<Replies>>> answers;
    answers.push_back(call(Command("BLPOP", "nothing", "0")));
    until(Command("INFO", "clients"), "blocked_clients:1");
    for (int i = 0; i < 7; ++i) answers.push_back(call(Command("PING")));
    until(Command("CLIENT", "LIST"), " qbuf=98 ");  // 14 bytes each
    return answers;
  }

  test::RedisServer server;
  std::unique_ptr<Client> client = std::make_unique<Client>(
      ClientOptions{.url = *parse_url(server.unix_url()), .timeout = 1min, .callers_work = true});
};

// A caller by himself works on his own thread; while nobody calls, the client's thread does.
TEST_F(CallersTest, WorkOnTheirOwnThreads) {
  std::atomic<std::thread::id> worked{};
  std::promise<void> heard;
  client->subscribe({"news"}, [&](std::string_view, std::string_view text) {
    worked = std::this_thread::get_id();
    if (text == "last") heard.set_value();
  });
  while (worked.load() != std::this_thread::get_id())
    ASSERT_TRUE(client->send({Command("PUBLISH", "news", "again")}));
  Client other({.url = *parse_url(server.unix_url())});
  ASSERT_TRUE(other.wait_connected(5s));
  ASSERT_TRUE(other.send({Command("PUBLISH", "news", "last")}));
  ASSERT_EQ(heard.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_NE(worked.load(), std::this_thread::get_id());
}

// Eight threads with 2000 commands each: each sees its own replies, and none is left behind.
TEST_F(CallersTest, ServeEachOther) {
  std::atomic<int> wrong{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const auto replies = client->send({Command("ECHO", t * 10'000 + i), Command("INCR", "all")});
        if (!replies || (*replies)[0].text != std::to_string(t * 10'000 + i)) ++wrong;
      }
    });
  threads.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(*text((*client->send({Command("GET", "all")}))[0]), "16000");
}

// The connection breaks: all who wait hear of it, and the next call finds a new one.
TEST_F(CallersTest, HearOfALostConnection) {
  auto answers = eight_callers();
  server.kill();
  for (auto& answer : answers) EXPECT_EQ(answer.get().error().code, Code::unavailable);
  server.start();
  ASSERT_TRUE(client->wait_connected(10s));
  EXPECT_TRUE(client->send({Command("PING")}));
}

// The client ends: all who wait end with `cancelled`.
TEST_F(CallersTest, EndWithTheClient) {
  auto answers = eight_callers();
  client.reset();
  for (auto& answer : answers) EXPECT_EQ(answer.get().error().code, Code::cancelled);
}

// An answer that does not come in time ends its own call only.
TEST_F(CallersTest, EndInTime) {
  client = std::make_unique<Client>(
      ClientOptions{.url = *parse_url(server.unix_url()), .timeout = 200ms, .callers_work = true});
  ASSERT_TRUE(client->wait_connected(5s));
  server.pause();
  auto first = call(Command("PING")), second = call(Command("PING"));
  EXPECT_EQ(first.get().error().code, Code::timeout);
  EXPECT_EQ(second.get().error().code, Code::timeout);
  server.resume();
  Result<Replies> next = client->send({Command("PING")});
  for (int tries = 0; !next && tries < 20; ++tries) {
    ASSERT_TRUE(client->wait_connected(5s));
    next = client->send({Command("PING")});
  }
  EXPECT_TRUE(next);
}

}  // namespace
}  // namespace medsynth::redis
