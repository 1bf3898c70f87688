// redis::Client against a real redis-server: what is sent, what comes back.
#include "medsynth/redis/client.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "medsynth/redis/awaitable.h"

#include "support/redis_server.h"

namespace medsynth::redis {
namespace {

using namespace std::chrono_literals;

Url url_of(const std::string& text) {
  return *parse_url(text);
}

class ClientTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(client.wait_connected(5s)); }

  test::RedisServer server;
  Client client{{.url = url_of(server.unix_url())}};
};

// Keys and values are bytes: zeros, line ends and invalid UTF-8 come back as they went.
TEST_F(ClientTest, CarriesAnyBytes) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  bytes += "\r\n$5\r\n";
  const auto replies =
      client.send({Command("SET", bytes, bytes), Command("GET", bytes), Command("SET", "empty", ""),
                   Command("GET", "empty"), Command("GET", "absent")});
  ASSERT_TRUE(replies) << replies.error().message;
  EXPECT_EQ(*text((*replies)[1]), bytes);
  EXPECT_EQ(*text((*replies)[3]), "");
  EXPECT_TRUE((*replies)[4].is_null());
}

// A value of 10 MB goes there and comes back.
TEST_F(ClientTest, CarriesLargeValues) {
  std::string large(10'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 997) large[i] = static_cast<char>(i);
  const auto replies = client.send({Command("SET", "large", large), Command("GET", "large")});
  ASSERT_TRUE(replies) << replies.error().message;
  EXPECT_TRUE(*text((*replies)[1]) == large);
}

// Replies that the network cuts at any byte are still one reply each.
TEST_F(ClientTest, JoinsRepliesCutBetweenReads) {
  std::vector<Command> commands;
  for (int i = 0; i < 20'000; ++i)
    commands.emplace_back("EVAL", "return {ARGV[1], 7}", 0, std::string(i % 37, 'x'));
  const auto replies = client.send(std::move(commands));
  ASSERT_TRUE(replies) << replies.error().message;
  ASSERT_EQ(replies->size(), 20'000u);
  for (int i = 0; i < 20'000; ++i) {
    const Reply& reply = (*replies)[i];
    ASSERT_EQ(reply.list.size(), 2u) << i;
    EXPECT_EQ(reply.list[0].text.size(), static_cast<std::size_t>(i % 37));
    EXPECT_EQ(reply.list[1].integer, 7);
  }
}

// Replies of every kind, sent together, come back in order; an error reply does not disturb its neighbours.
TEST_F(ClientTest, KeepsOrderAndKindOfMixedReplies) {
  const auto sent = client.send(
      {Command("RPUSH", "list", "a", "b"), Command("INCR", "list"), Command("LRANGE", "list", 0, -1),
       Command("HSET", "map", "field", 7), Command("HGETALL", "map"), Command("PING"),
       Command("EVAL", "return {1, {'two', false}, redis.error_reply('MINE no')}", 0)});
  ASSERT_TRUE(sent) << sent.error().message;
  const Replies& replies = *sent;
  EXPECT_EQ(*integer(replies[0]), 2);
  EXPECT_EQ(replies[1].error_prefix(), "WRONGTYPE");
  EXPECT_EQ(*texts(replies[2]), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(*texts(replies[4]), (std::vector<std::string>{"field", "7"}));
  EXPECT_EQ(*text(replies[5]), "PONG");
  const auto nested = *list(replies[6]);
  EXPECT_EQ(nested[0].integer, 1);
  EXPECT_EQ(nested[1].list[0].text, "two");
  EXPECT_TRUE(nested[1].list[1].is_null());
  EXPECT_EQ(nested[2].error_prefix(), "MINE");
}

// A script that Redis forgot is sent again with its source, and the others of its pipeline keep their
// replies.
TEST_F(ClientTest, SendsUnknownScriptsAgain) {
  static const Script append("test.append", "redis.call('RPUSH', KEYS[1], ARGV[1]) return ARGV[1]");
  static const Script count("test.count", "return redis.call('LLEN', KEYS[1])");
  for (int round = 1; round <= 2; ++round) {
    ASSERT_TRUE(client.send({Command("SCRIPT", "FLUSH")}));
    const auto replies =
        client.send({Command::eval(append, {"log"}, {"one"}), Command("SET", "between", round),
                     Command::eval(append, {"log"}, {"two"}), Command::eval(count, {"log"}, {})});
    ASSERT_TRUE(replies) << replies.error().message;
    EXPECT_EQ(*text((*replies)[0]), "one");
    EXPECT_EQ(*text((*replies)[1]), "OK");
    EXPECT_EQ(*text((*replies)[2]), "two");
    EXPECT_EQ(*integer((*replies)[3]), 2 * round);
  }
  const auto known =
      client.send({Command("SCRIPT", "EXISTS", append.sha1, count.sha1), Command("LRANGE", "log", 0, -1)});
  EXPECT_EQ((*known)[0].list[0].integer + (*known)[0].list[1].integer, 2);
  EXPECT_EQ(*texts((*known)[1]), (std::vector<std::string>{"one", "two", "one", "two"}));
}

// A query of two steps runs both, and an error reply ends it with an Error.
TEST_F(ClientTest, RunsQueriesStepByStep) {
  const auto two_steps = [](std::string key) {
    return Query<std::int64_t>{
        {Command("RPUSH", key, "x")}, [key](Replies replies) -> Result<Step<std::int64_t>> {
          BOOST_OUTCOME_TRY(integer(replies[0]));
          return Step<std::int64_t>{
              Query<std::int64_t>{{Command("LLEN", key)}, [](Replies more) -> Result<Step<std::int64_t>> {
                                    BOOST_OUTCOME_TRY(auto n, integer(more[0]));
                                    return Step<std::int64_t>{n};
                                  }}};
        }};
  };
  EXPECT_EQ(*client.run(two_steps("steps")), 1);
  ASSERT_TRUE(client.run(all_ok({Command("SET", "text", "x")})));
  const auto failed = client.run(two_steps("text"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::internal);
  EXPECT_NE(failed.error().message.find("WRONGTYPE"), std::string::npos);
}

// Nothing to send is answered with nothing; what has no reply is refused and the connection stays.
TEST_F(ClientTest, RefusesWhatHasNoReply) {
  EXPECT_TRUE(client.send({})->empty());
  EXPECT_EQ(client.send({Command("SUBSCRIBE", "x")}).error().code, Code::internal);
  EXPECT_EQ(client.send({Command("PING"), Command()}).error().code, Code::internal);
  EXPECT_TRUE(client.send({Command("PING")}));
}

// A blocking call from a completion is refused rather than waiting for itself.
TEST_F(ClientTest, RefusesToBlockItsOwnThread) {
  std::promise<Code> code;
  client.send({Command("PING")},
              [&](Result<Replies>) { code.set_value(client.send({Command("PING")}).error().code); });
  EXPECT_EQ(code.get_future().get(), Code::internal);
}

// Eight threads with 2000 commands each share the connection, and each sees its own replies.
TEST_F(ClientTest, ServesManyThreads) {
  std::atomic<int> wrong{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; i += 4) {
        const std::string key = "k" + std::to_string(t);
        const auto replies = client.send(
            {Command("SET", key, i), Command("INCR", key), Command("GET", key), Command("INCR", "all")});
        if (!replies || (*replies)[1].integer != i + 1 || (*replies)[2].text != std::to_string(i + 1))
          ++wrong;
      }
    });
  threads.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(*text((*client.send({Command("GET", "all")}))[0]), "4000");
}

// On a shared context completions run on the thread that runs it, and never within send().
TEST_F(ClientTest, RunsOnASharedContext) {
  boost::asio::io_context context;
  Client shared({.url = url_of(server.url())}, &context);
  bool inside = true;
  Code before = Code::internal;
  shared.send({Command("PING")}, [&](Result<Replies> replies) {
    EXPECT_FALSE(inside);
    if (!replies) before = replies.error().code;
  });
  inside = false;
  std::string seen;
  shared.on_connect([&] {
    boost::asio::co_spawn(
        context,
        [&]() -> boost::asio::awaitable<void> {
          const auto replies =
              co_await co_send(shared, {Command("SET", "co", "routine"), Command("GET", "co")});
          seen = *text((*replies)[1]);
          context.stop();
        },
        boost::asio::detached);
  });
  context.run_for(5s);
  EXPECT_EQ(before, Code::unavailable);
  EXPECT_EQ(seen, "routine");
}

// The same server is reached by host and port, and the URL's database number separates keys.
TEST_F(ClientTest, SelectsTheDatabase) {
  Client other({.url = url_of(server.url(3))});
  ASSERT_TRUE(other.wait_connected(5s)) << other.last_error();
  ASSERT_TRUE(other.send({Command("SET", "only", "three")}));
  EXPECT_TRUE((*client.send({Command("GET", "only")}))[0].is_null());
  Client missing({.url = url_of(server.url(99))});
  EXPECT_EQ(missing.wait_connected(300ms).error().code, Code::timeout);
  EXPECT_NE(missing.last_error().find("DB index is out of range"), std::string::npos) << missing.last_error();
}

// A password, and an ACL user with its own; a wrong one is said plainly, without quoting it.
TEST(ClientLogin, UsesPasswordAndUser) {
  test::RedisServer server({"--requirepass", "s3cret@/"});
  const auto url = [&](std::string who) {
    return url_of("redis://" + who + "@127.0.0.1:" + std::to_string(server.port()));
  };
  Client owner({.url = url(":s3cret%40%2F")});
  ASSERT_TRUE(owner.wait_connected(5s)) << owner.last_error();
  ASSERT_TRUE(owner.run(all_ok({Command("ACL", "SETUSER", "ada", "on", ">lovelace", "~*", "+@all")})));
  Client ada({.url = url("ada:lovelace")});
  ASSERT_TRUE(ada.wait_connected(5s)) << ada.last_error();
  EXPECT_EQ(*text((*ada.send({Command("ACL", "WHOAMI")}))[0]), "ada");
  EXPECT_EQ(*text((*ada.send({Command("CLIENT", "GETNAME")}))[0]), "medsynth");

  Client wrong({.url = url("ada:guess")});
  const auto refused = wrong.wait_connected(300ms);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("WRONGPASS"), std::string::npos) << refused.error().message;
  EXPECT_EQ(refused.error().message.find("guess"), std::string::npos);
  Client nobody({.url = url_of(server.url())});
  EXPECT_NE(nobody.wait_connected(300ms).error().message.find("NOAUTH"), std::string::npos);
}

// Published messages arrive, with their channel; a later subscription replaces the earlier.
TEST_F(ClientTest, DeliversPushes) {
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<std::string> seen;
  const auto note = [&](std::string_view channel, std::string_view payload) {
    const std::lock_guard lock(mutex);
    seen.push_back(std::string(channel) + "=" + std::string(payload));
    arrived.notify_all();
  };
  const auto wait_for = [&](std::size_t count) {
    std::unique_lock lock(mutex);
    return arrived.wait_for(lock, 5s, [&] { return seen.size() >= count; });
  };
  Client listener({.url = url_of(server.unix_url())});
  listener.subscribe({"one", "two"}, note);
  ASSERT_TRUE(listener.wait_connected(5s));
  ASSERT_TRUE(listener.send({Command("PING")}));  // the subscription stands
  ASSERT_TRUE(
      client.send({Command("PUBLISH", "one", std::string("a\0b", 3)), Command("PUBLISH", "two", "b")}));
  ASSERT_TRUE(wait_for(2));
  EXPECT_EQ(seen, (std::vector<std::string>{std::string("one=a\0b", 7), "two=b"}));
  listener.subscribe({"three"}, note);
  ASSERT_TRUE(listener.send({Command("PING")}));
  ASSERT_TRUE(client.send({Command("PUBLISH", "one", "lost"), Command("PUBLISH", "three", "c")}));
  ASSERT_TRUE(wait_for(3));
  EXPECT_EQ(seen.back(), "three=c");
}

// Whatever a connection is doing when the set changes, it ends with the new one and nothing of the old.
TEST_F(ClientTest, TheLastSubscriptionStandsWhileConnecting) {
  for (int i = 0; i < 200; ++i) {
    Client listener({.url = url_of(server.unix_url())});
    listener.subscribe({"before"}, [](auto, auto) {});
    std::this_thread::sleep_for(i * 4us);  // to any place of its connecting
    listener.subscribe({"after"}, [](auto, auto) {});
    ASSERT_TRUE(listener.wait_connected(5s));
    ASSERT_TRUE(listener.send({Command("PING")}));
    const auto replies = client.send({Command("PUBSUB", "NUMSUB", "before", "after")});
    ASSERT_TRUE(replies);
    const std::vector<Reply>& counts = replies->front().list;
    ASSERT_EQ(std::pair(counts[1].integer, counts[3].integer), std::pair(0L, 1L)) << i;
  }
}

// A burst of messages, cut by the reads at any byte, arrives whole and in order.
TEST_F(ClientTest, DeliversBurstsOfPushes) {
  constexpr int kMessages = 20'000;
  std::promise<void> all;
  int next = 0, wrong = 0;
  Client listener({.url = url_of(server.unix_url())});
  listener.subscribe({"burst"}, [&](std::string_view, std::string_view payload) {
    if (payload != std::string(next % 41, 'x') + std::to_string(next)) ++wrong;
    if (++next == kMessages) all.set_value();
  });
  ASSERT_TRUE(listener.wait_connected(5s));
  ASSERT_TRUE(listener.send({Command("PING")}));  // the subscription stands
  std::vector<Command> commands;
  for (int i = 0; i < kMessages; ++i)
    commands.emplace_back("PUBLISH", "burst", std::string(i % 41, 'x') + std::to_string(i));
  ASSERT_TRUE(client.send(std::move(commands)));
  ASSERT_EQ(all.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_EQ(wrong, 0);
}

// TLS: the server's certificate is checked against the system's authorities and the URL's host.
TEST(ClientTls, ConnectsToATrustedServerOnly) {
  test::TempFolder folder;
  const std::string key = (folder.path() / "key").string(), certificate = (folder.path() / "cert").string();
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
      "-addext subjectAltName=DNS:localhost -keyout " +
      key + " -out " + certificate + " 2>/dev/null";
  if (std::system(make.c_str()) != 0) GTEST_SKIP() << "no openssl command";
  const std::string port = std::to_string(test::free_port());
  test::RedisServer server({"--tls-port", port, "--tls-cert-file", certificate, "--tls-key-file", key,
                            "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no"});
  ::setenv("SSL_CERT_FILE", certificate.c_str(), 1);
  Client trusted({.url = url_of("rediss://localhost:" + port)});
  EXPECT_TRUE(trusted.wait_connected(5s)) << trusted.last_error();
  EXPECT_TRUE(trusted.send({Command("PING")}));
  Client other_name({.url = url_of("rediss://127.0.0.1:" + port)});
  EXPECT_FALSE(other_name.wait_connected(500ms));
  EXPECT_NE(other_name.last_error().find("certificate verify failed"), std::string::npos)
      << other_name.last_error();
  ::unsetenv("SSL_CERT_FILE");
}

}  // namespace
}  // namespace medsynth::redis
