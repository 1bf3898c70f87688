// redis::Client when Redis answers that this connection can never work.
#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "medsynth/redis/client.h"

#include "support/redis_server.h"

namespace medsynth::redis {
namespace {

using namespace std::chrono_literals;

template <class Condition>
bool becomes_true(const Condition& condition, std::chrono::seconds patience = 10s) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(5ms);
  return condition();
}

ClientOptions options_for(const test::RedisServer& server) {
  return {.url = *parse_url(server.unix_url()), .reconnect_wait = 20ms};
}

void say(const test::RedisServer& server, std::vector<Command> commands) {
  Client admin({.url = *parse_url(server.unix_url()), .accept_replica = true});
  ASSERT_TRUE(admin.wait_connected(5s));
  const auto replies = admin.send(std::move(commands));
  ASSERT_TRUE(replies);
  for (const Reply& reply : *replies) ASSERT_FALSE(reply.is_error()) << reply.text;
}

// The master becomes a replica while the connection stands: the first refused write ends it, the next tries
// fail with the reason, and when it is a master again everything works.
TEST(Unfit, ADemotedMasterEndsTheConnection) {
  test::RedisServer server, master;
  Client client(options_for(server));
  ASSERT_TRUE(client.wait_connected(5s));
  say(server, {Command("REPLICAOF", "127.0.0.1", master.port())});
  const auto refused = client.send({Command("SET", "a", "b")});
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(as_error(refused->front()).reason, "redis_readonly");
  EXPECT_FALSE(client.connected());
  EXPECT_TRUE(becomes_true([&] { return client.last_error().find("it is a replica") != std::string::npos; }))
      << client.last_error();
  const auto later = client.send({Command("GET", "a")});
  ASSERT_FALSE(later);
  EXPECT_NE(later.error().message.find("REDIS_URL must name its master"), std::string::npos)
      << later.error().message;
  say(server, {Command("REPLICAOF", "NO", "ONE")});
  EXPECT_TRUE(client.wait_connected(5s));
  EXPECT_TRUE(client.send({Command("SET", "a", "b")}));
}

// A script's write says the same.
TEST(Unfit, SoDoesAScript) {
  static const Script script("test.set", "return redis.call('SET', KEYS[1], 'b')");
  test::RedisServer server, master;
  Client client(options_for(server));
  ASSERT_TRUE(client.wait_connected(5s));
  say(server, {Command("REPLICAOF", "127.0.0.1", master.port())});
  (void)client.send({Command::eval(script, {"a"}, {})});
  EXPECT_FALSE(client.connected());
}

// A URL that names a replica is no connection, and says so; who asks to look at one may.
TEST(Unfit, AReplicaIsNoConnection) {
  test::RedisServer server, master;
  say(server, {Command("REPLICAOF", "127.0.0.1", master.port())});
  Client client(options_for(server));
  const auto connected = client.wait_connected(500ms);
  ASSERT_FALSE(connected);
  EXPECT_NE(connected.error().message.find("it is a replica"), std::string::npos)
      << connected.error().message;
}

// Rights that are missing end nothing: the answer says which, and it works as soon as they are there.
TEST(Unfit, MissingRightsAreNot) {
  test::RedisServer server;
  say(server, {Command("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-set")});
  ClientOptions options{.url = *parse_url(server.url()), .reconnect_wait = 20ms};
  options.url.user = "app";
  options.url.password = "pw";
  Client client(options);
  ASSERT_TRUE(client.wait_connected(5s));
  const auto refused = client.send({Command("SET", "a", "b")});
  ASSERT_TRUE(refused);
  EXPECT_EQ(as_error(refused->front()).reason, "redis_refused");
  EXPECT_TRUE(client.connected());
  say(server, {Command("ACL", "SETUSER", "app", "+set")});
  EXPECT_EQ(*text(client.send({Command("SET", "a", "b")})->front()), "OK");
}

// A channel that may not be heard: the others are, no answer goes to the wrong call, and it is heard as soon
// as the right is given.
TEST(Unfit, ARefusedChannelMixesNoAnswers) {
  test::RedisServer server;
  say(server, {Command("ACL", "SETUSER", "app", "on", ">pw", "~*", "resetchannels", "&open", "+@all")});
  ClientOptions options{.url = *parse_url(server.url()), .reconnect_wait = 20ms};
  options.url.user = "app";
  options.url.password = "pw";
  Client client(options);
  ASSERT_TRUE(client.wait_connected(5s));
  std::atomic<int> open = 0, shut = 0;
  client.subscribe({"open", "shut"},
                   [&](auto channel, auto) { ++(std::string_view(channel) == "open" ? open : shut); });
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.send({Command("ECHO", i)})->front().text, std::to_string(i));
  const auto publish = [&](const char* channel) { say(server, {Command("PUBLISH", channel, "x")}); };
  publish("shut");
  EXPECT_TRUE(becomes_true([&] { return publish("open"), open > 0; }));
  EXPECT_EQ(shut, 0);
  EXPECT_TRUE(client.connected());
  say(server, {Command("ACL", "SETUSER", "app", "&shut")});
  EXPECT_TRUE(becomes_true([&] { return publish("shut"), shut > 0; }, 30s));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.send({Command("ECHO", i)})->front().text, std::to_string(i));
}

// A user who is deleted and made again with another password: said, until the password is right again.
TEST(Unfit, ARotatedPasswordIsSaid) {
  test::RedisServer server;
  say(server, {Command("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all")});
  ClientOptions options{.url = *parse_url(server.url()), .reconnect_wait = 20ms};
  options.url.user = "app";
  options.url.password = "pw";
  Client client(options);
  ASSERT_TRUE(client.wait_connected(5s));
  say(server, {Command("ACL", "DELUSER", "app")});
  EXPECT_TRUE(becomes_true([&] { return client.last_error().find("WRONGPASS") != std::string::npos; }));
  EXPECT_EQ(client.last_error().find("pw"), std::string::npos);
  say(server, {Command("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all")});
  EXPECT_TRUE(client.wait_connected(5s));
}

// Redis' time is known with the connection.
TEST(Unfit, TheClockIsRedis) {
  test::RedisServer server;
  Client client(options_for(server));
  ASSERT_TRUE(client.wait_connected(5s));
  EXPECT_LT(std::chrono::abs(client.clock().now() - system_clock().now()), 1s);
}

}  // namespace
}  // namespace medsynth::redis
