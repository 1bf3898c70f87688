// Who gets into a managed Redis: its owner by the usual URL, nobody else, and nobody who only stands in for it.
#include "medsynth/redis/access.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/redis/client.h"
#include "medsynth/redis/managed.h"

#include "support/eventually.h"
#include "support/redis_server.h"

namespace medsynth::redis {
namespace {

using namespace std::chrono_literals;

class Access : public testing::Test {
 protected:
  Settings settings() const {
    Settings settings;
    settings.redis_url = "redis://localhost:" + std::to_string(port_) + "/3";
    settings.data_dir = data_.path().native();
    return settings;
  }
  Url owners() const { return *url_of(settings()); }
  Url strangers() const { return *parse_url(settings().redis_url); }
  std::unique_ptr<Managed> start() {
    auto server = Managed::start({.url = strangers(), .data_dir = data_.path()}, 10s);
    if (!server) ADD_FAILURE() << server.error().message;
    return server ? std::move(*server) : nullptr;
  }
  std::string password() const {
    std::string text;
    std::getline(std::ifstream(data_.path() / "redis/password"), text);
    return text;
  }
  // "" when the client of `url` gets in.
  static std::string refusal(const Url& url) {
    Client client({.url = url, .quiet = true});
    const std::string none_yet = client.last_error();
    test::eventually([&] { return client.connected() || client.last_error() != none_yet; });
    return client.connected() ? "" : client.last_error();
  }

  test::TempFolder data_;
  const int port_ = test::free_port();
};

TEST_F(Access, TheOwnersUsualUrlIsLetIn) {
  const auto server = start();
  ASSERT_TRUE(server);
  EXPECT_EQ(refusal(owners()), "");
  const Url way = way_in(owners());
  EXPECT_EQ(way.unix_path, server->socket().native());
  EXPECT_EQ(way.database, 3);
}

TEST_F(Access, OthersAreToldThatAPasswordIsMissing) {
  const auto server = start();
  ASSERT_TRUE(server);
  const std::string refused = refusal(strangers());
  EXPECT_NE(refused.find("NOAUTH"), std::string::npos) << refused;
  EXPECT_NE(refused.find("port of your own"), std::string::npos) << refused;
  for (const char* file : {"password", "access", "redis.conf"}) {
    struct stat about{};
    ASSERT_EQ(::stat((data_.path() / "redis" / file).c_str(), &about), 0) << file;
    EXPECT_EQ(about.st_mode & 0777, 0600u) << file;
  }
}

TEST_F(Access, ThePasswordStays) {
  {
    ASSERT_TRUE(start());
  }
  const std::string first = password();
  EXPECT_EQ(first.size(), 64u);
  {
    ASSERT_TRUE(start());
  }
  EXPECT_EQ(password(), first);
  test::TempFolder elsewhere;
  const auto other = Managed::start(
      {.url = {.host = "127.0.0.1", .port = std::to_string(test::free_port())}, .data_dir = elsewhere.path()},
      10s);
  ASSERT_TRUE(other);
  std::string theirs;
  std::getline(std::ifstream(elsewhere.path() / "redis/password"), theirs);
  EXPECT_NE(theirs, first);
}

// After an orderly end another Redis may serve the address; a server that was killed is to be back, and who
// listens at its address meanwhile is told nothing.
TEST_F(Access, NobodyStandsInForAServerThatWasKilled) {
  auto server = start();
  ASSERT_TRUE(server);
  ::kill(server->pid(), SIGKILL);
  EXPECT_TRUE(test::eventually([&] { return !server->alive(); }));
  EXPECT_FALSE(way_in(owners()).unix_path.empty());
  server.reset();
  EXPECT_FALSE(way_in(owners()).unix_path.empty());
  server = start();
  ASSERT_TRUE(server);
  EXPECT_EQ(refusal(owners()), "");
  server.reset();
  EXPECT_TRUE(way_in(owners()).unix_path.empty());
}

// What a killed server left does not keep its owner from another Redis at that address.
TEST_F(Access, AnotherRedisAtTheAddressIsUsedOnceItIsSeen) {
  auto server = start();
  ASSERT_TRUE(server);
  ::kill(server->pid(), SIGKILL);
  server.reset();
  test::RedisServer another;
  Settings now = settings();
  now.redis_url = another.url();
  EXPECT_TRUE(way_in(*url_of(now)).unix_path.empty()) << "another port";
  std::filesystem::path access = data_.path() / "redis/access";
  std::ofstream(access, std::ios::trunc) << another.url() << "\nunix:///nowhere/redis.sock\n";
  EXPECT_FALSE(way_in(*url_of(now)).unix_path.empty());
  const auto refused = Managed::start({.url = *parse_url(another.url()), .data_dir = data_.path()}, 10s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "redis_port_taken");
  EXPECT_EQ(refusal(*url_of(now)), "");
}

TEST_F(Access, AUrlThatSaysWhoComesIsTakenAsItIs) {
  const auto server = start();
  ASSERT_TRUE(server);
  for (const std::string url : {"redis://:secret@localhost:", "redis://ada:secret@127.0.0.1:"}) {
    Settings said = settings();
    said.redis_url = url + std::to_string(port_);
    EXPECT_TRUE(way_in(*url_of(said)).unix_path.empty()) << url;
  }
  Settings said = settings();
  said.redis_url = "redis://:" + password() + "@localhost:" + std::to_string(port_);
  EXPECT_EQ(refusal(*url_of(said)), "");
  said.redis_url = "redis://127.0.0.1:" + std::to_string(port_);
  EXPECT_EQ(refusal(*url_of(said)), "") << "the same address in other words";
}

// Damaged or foreign text in the file is no way in.
TEST_F(Access, ADamagedFileIsNoWayIn) {
  std::filesystem::create_directories(data_.path() / "redis");
  const std::string address = "redis://localhost:" + std::to_string(port_);
  const std::vector<std::string> damaged{"",
                                         "\n",
                                         address,
                                         address + "\n",
                                         address + "\nnonsense\n",
                                         "redis://localhost:1\nunix:///tmp/x\n",
                                         std::string(5000, 'x'),
                                         std::string("\0\n\0\n", 4)};
  for (const std::string& text : damaged) {
    std::ofstream(data_.path() / "redis/access", std::ios::trunc) << text;
    EXPECT_TRUE(way_in(owners()).unix_path.empty()) << text;
  }
}

TEST_F(Access, WhatChangesTheServerIsRefused) {
  const auto server = start();
  ASSERT_TRUE(server);
  Client client({.url = owners()});
  ASSERT_TRUE(client.wait_connected(5s));
  const std::vector<std::vector<std::string>> refused{{"FLUSHALL"},
                                                      {"FLUSHDB"},
                                                      {"SHUTDOWN"},
                                                      {"CONFIG", "SET", "dir", "/"},
                                                      {"LATENCY", "RESET"},
                                                      {"ACL", "SETUSER", "default", "nopass"},
                                                      {"MONITOR"},
                                                      {"REPLICAOF", "127.0.0.1", "1"},
                                                      {"CLIENT", "LIST"},
                                                      {"MODULE", "LIST"},
                                                      {"SAVE"},
                                                      {"FUNCTION", "LIST"},
                                                      {"SLOWLOG", "GET"},
                                                      {"MIGRATE", "h", "1", "k", "0", "1"}};
  for (const auto& words : refused) {
    Command command(words.front());
    command.words = words;
    const auto replies = client.send({command});
    ASSERT_TRUE(replies) << words.front();
    EXPECT_TRUE((*replies)[0].text.starts_with("NOPERM")) << words.front() << ": " << (*replies)[0].text;
  }
}

TEST_F(Access, OtherLibrariesAreGivenTheWholeUrl) {
  EXPECT_EQ(*url_for_others(settings()), settings().redis_url) << "no server of ours was ever there";
  std::string while_it_runs;
  {
    const auto server = start();
    ASSERT_TRUE(server);
    while_it_runs = *url_for_others(settings());
    EXPECT_EQ(while_it_runs, "unix://:" + password() + "@" + server->socket().native() + "?db=3");
    EXPECT_EQ(refusal(*parse_url(while_it_runs)), "");
  }
  EXPECT_EQ(*url_for_others(settings()), while_it_runs) << "it will be back there";
}

}  // namespace
}  // namespace medsynth::redis
