#include <tuple>

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/cli/doctor/checks.h"
#include "medsynth/cli/doctor/versions.h"

namespace medsynth::cli::doctor {
namespace {

using Config = std::map<std::string, std::string>;

// A Redis as it should be.
RedisFacts good() {
  RedisFacts facts{.url = "redis://127.0.0.1:6379/0", .loopback = true, .our_user_id = 1000};
  facts.peer = Peer{PeerKind::redis, "PONG"};
  facts.connected = true;
  facts.info = std::string(
      "# Server\r\nredis_version:8.2.2\r\nprocess_id:7\r\n# "
      "Clients\r\nconnected_clients:3\r\nmaxclients:10000\r\n"
      "used_memory:1000000\r\nmaxmemory:0\r\ntotal_system_memory:8000000000\r\nmaxmemory_policy:"
      "noeviction\r\n"
      "aof_enabled:1\r\nrdb_last_bgsave_status:ok\r\naof_last_write_status:ok\r\nrole:master\r\n");
  facts.config =
      Config{{"appendonly", "yes"}, {"save", ""}, {"bind", "127.0.0.1 -::1"}, {"protected-mode", "yes"}};
  facts.role = Role{"master", ""};
  facts.hello = Config{{"version", "8.2.2"}, {"role", "master"}};
  facts.write = std::string();
  facts.clock_apart_us = 1000;
  facts.rights = std::vector<Right>{{"GET", "~task:*", {}, true}};
  facts.user = "default";
  facts.process = RedisProcess{.pid = 7, .user_id = 1000};
  facts.format = 1;
  return facts;
}

void replace(RedisFacts& facts, const std::string& from, const std::string& to) {
  std::string& info = *facts.info.value;
  const std::size_t at = info.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  info.replace(at, from.size(), to);
}

Check find(const Checks& checks, const std::string& id) {
  for (const Check& check : checks)
    if (check.id == id) return check;
  ADD_FAILURE() << "no check is called " << id;
  return {};
}

// Every finding that is not ok says why and what next.
void expect(const RedisFacts& facts, const std::string& id, Status status, const std::string& part) {
  const Check check = find(redis_checks(facts), id);
  const std::string text = check.what + " " + check.why + " " + check.next;
  EXPECT_EQ(check.status, status) << id << ": " << text;
  EXPECT_NE(text.find(part), std::string::npos) << id << ": " << text;
  EXPECT_EQ(check.why.empty(), status == Status::ok) << text;
  EXPECT_EQ(check.next.empty(), status == Status::ok) << text;
}

TEST(DoctorRedis, AGoodOneIsOkThroughout) {
  for (const Check& check : redis_checks(good()))
    EXPECT_EQ(check.status, Status::ok) << check.id << check.what;
}

TEST(DoctorConnection, SaysWhatIsAtTheAddress) {
  struct Row {
    PeerKind kind;
    const char* said;
    bool tls;
    const char* part;
  };
  for (const Row& row :
       {Row{PeerKind::tls, "", false, "rediss://"}, Row{PeerKind::redis, "PONG", true, "redis://"},
        Row{PeerKind::stranger, "HTTP/1.1 400 Bad Request", false, "HTTP/1.1 400"},
        Row{PeerKind::stranger, "HTTP/1.1 400 Bad Request", true, "Another program"},
        Row{PeerKind::silent, "", false, "says nothing"}, Row{PeerKind::closes, "", false, "ends each"},
        Row{PeerKind::forbidden, "Permission denied", false, "may not use it"},
        Row{PeerKind::unreachable, "No route to host", false, "No route to host"}}) {
    RedisFacts facts = good();
    facts.connected = false;
    facts.tls = row.tls;
    facts.peer = Peer{row.kind, row.said};
    expect(facts, "redis.connection", Status::failed, row.part);
    EXPECT_EQ(redis_checks(facts).size(), 1u) << "nothing else can be known";
  }
}

TEST(DoctorConnection, NobodyIsFineOnlyWhereServeStartsItsOwn) {
  RedisFacts facts = good();
  facts.connected = false;
  facts.peer = Peer{PeerKind::nobody, "Connection refused"};
  facts.program = std::string("redis-server 7.0.15");
  expect(facts, "redis.connection", Status::ok, "'serve' starts its own (redis-server 7.0.15)");
  facts.program = Seen<std::string>::hidden("there is no program redis-server");
  expect(facts, "redis.connection", Status::failed, "Install redis-server");
  facts.managed_error = "a managed Redis does not speak TLS";
  expect(facts, "redis.connection", Status::failed, "does not speak TLS");
  facts.mode = "external";
  expect(facts, "redis.connection", Status::failed, "Nothing listens");
  facts.mode = "auto";
  facts.loopback = false;
  expect(facts, "redis.connection", Status::failed, "Nothing listens");
}

TEST(DoctorConnection, ARefusalIsSaidAsWhatItIs) {
  const std::pair<const char*, const char*> rows[] = {
      {"NOAUTH HELLO must be called with the client already authenticated", "wants a password"},
      {"WRONGPASS invalid username-password pair or user is disabled.", "refuses the user or the password"},
      {"ERR AUTH <password> called without any password configured for the default user.", "has no password"},
      {"ERR DB index is out of range", "database of REDIS_URL"},
      {"LOADING Redis is loading the dataset in memory", "is loading its data"},
      {"MISCONF Redis is configured to save RDB snapshots, but it's currently unable", "refuses every write"},
      {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "lost its master"},
      {"NOPERM this user has no permissions to run the 'ping' command", "greeting"},
      {"certificate verify failed", "ssl_ca_certs"},
      {"something nobody knows", "something nobody knows"}};
  for (const auto& [said, part] : rows) {
    RedisFacts facts = good();
    facts.connected = false;
    facts.peer = Peer{PeerKind::redis, "NOAUTH Authentication required."};
    facts.has_password = true;
    facts.connection_error = said;
    expect(facts, "redis.connection", Status::failed, part);
  }
}

TEST(DoctorConnection, WhatIsSaidBeforeTheGreetingCounts) {
  RedisFacts facts = good();
  facts.connected = false;
  facts.connection_error = "Connection reset by peer";
  facts.peer = Peer{PeerKind::redis, "ERR max number of clients reached"};
  expect(facts, "redis.connection", Status::failed, "no room for another connection");
  facts.peer = Peer{PeerKind::redis, "DENIED Redis is running in protected mode because"};
  expect(facts, "redis.connection", Status::failed, "protected mode");
  facts.url_error = "REDIS_URL: must begin with redis://";
  expect(facts, "redis.connection", Status::failed, "must begin with");
}

TEST(DoctorRole, AReplicaFailsAndNamesItsMaster) {
  RedisFacts facts = good();
  replace(facts, "role:master", "role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379");
  expect(facts, "redis.role", Status::failed, "10.0.0.1:6379");
  facts.info = Seen<std::string>::hidden("NOPERM info");
  facts.role = Role{"slave", "10.0.0.2:6380"};
  expect(facts, "redis.role", Status::failed, "10.0.0.2:6380");
  facts.role = Role{"sentinel", ""};
  expect(facts, "redis.role", Status::failed, "sentinel");
  facts.role = Seen<Role>::hidden("NOPERM role");
  facts.hello = Config{{"role", "replica"}};
  expect(facts, "redis.role", Status::failed, "replica");
  facts.hello = Seen<Config>::hidden("NOPERM hello");
  expect(facts, "redis.role", Status::unknown, "NOPERM role");
}

// A newer version wrote what lies there: this one does not start, and how to go on is said.
TEST(DoctorRedis, ANewerFormatFails) {
  RedisFacts facts = good();
  expect(facts, "redis.format", Status::ok, "format 1");
  facts.format = 2;
  expect(facts, "redis.format", Status::failed, "newer version");
  facts.format = Seen<std::int64_t>::hidden("NOPERM get");
  expect(facts, "redis.format", Status::unknown, "NOPERM get");
}

TEST(DoctorRedis, WhatMayNotBeSeenIsUnknownAndNeverJudged) {
  RedisFacts facts = good();
  facts.info = Seen<std::string>::hidden("NOPERM info");
  facts.config = Seen<Config>::hidden("NOPERM config");
  facts.clock_apart_us = Seen<std::int64_t>::hidden("NOPERM time");
  facts.rights = Seen<std::vector<Right>>::hidden("NOPERM eval");
  expect(facts, "redis.version", Status::ok, "8.2.2");  // the greeting tells it
  facts.hello = Seen<Config>::hidden("NOPERM hello");
  facts.write = Seen<std::string>::hidden("lost");
  expect(facts, "redis.writes", Status::unknown, "lost");
  for (const char* id :
       {"redis.persistence", "redis.eviction", "redis.memory", "redis.clients", "redis.version"})
    expect(facts, id, Status::unknown, "NOPERM info");
  expect(facts, "redis.clock", Status::unknown, "NOPERM time");
  expect(facts, "redis.rights", Status::unknown, "NOPERM eval");
  facts.config = Config{{"appendonly", "yes"}, {"maxmemory-policy", "allkeys-lru"}};
  expect(facts, "redis.persistence", Status::ok, "append-only");
  expect(facts, "redis.eviction", Status::warning, "allkeys-lru");
}

TEST(DoctorRedis, WhatLosesOrRefusesTasks) {
  RedisFacts facts = good();
  replace(facts, "aof_enabled:1", "aof_enabled:0");
  expect(facts, "redis.persistence", Status::warning, "loses every task");
  facts.config = Config{{"save", "3600 1"}};
  expect(facts, "redis.persistence", Status::warning, "last snapshot");
  replace(facts, "rdb_last_bgsave_status:ok", "rdb_last_bgsave_status:err");
  expect(facts, "redis.writes", Status::failed, "rdb_last_bgsave_status");
  facts.write = std::string("OOM command not allowed when used memory > 'maxmemory'.");
  expect(facts, "redis.writes", Status::failed, "OOM command");
  replace(facts, "maxmemory_policy:noeviction", "maxmemory_policy:volatile-lru");
  expect(facts, "redis.eviction", Status::warning, "volatile-lru");
  replace(facts, "maxmemory:0", "maxmemory:1050000");
  expect(facts, "redis.memory", Status::warning, "1.0 MB of 1.1 MB (maxmemory)");
  replace(facts, "maxmemory:1050000", "maxmemory:900000");
  expect(facts, "redis.memory", Status::failed, "full");
  replace(facts, "connected_clients:3", "connected_clients:9999");
  expect(facts, "redis.clients", Status::warning, "9999 of 10000");
}

TEST(DoctorClock, MoreThanASecondIsSaid) {
  RedisFacts facts = good();
  facts.clock_apart_us = -900'000;
  expect(facts, "redis.clock", Status::ok, "within 1 s");
  facts.clock_apart_us = 1'100'000;
  expect(facts, "redis.clock", Status::warning, "1.1 s ahead of");
  facts.clock_apart_us = -7'000'000;
  expect(facts, "redis.clock", Status::warning, "7.0 s behind");
}

TEST(DoctorAccess, WhoElseReadsEveryTask) {
  RedisFacts facts = good();
  facts.process = RedisProcess{.pid = 7, .user_id = 1001};
  expect(facts, "redis.access", Status::warning, "uid 1001");
  facts.process = Seen<RedisProcess>::hidden("another machine");
  facts.config = Config{{"bind", "127.0.0.1 -::1"}, {"port", "6379"}, {"protected-mode", "no"}};
  expect(facts, "redis.access", Status::ok, "only this machine");
  for (const char* bind : {"127.0.0.1 10.0.0.1", "* -::*", ""}) {
    facts.config = Config{{"bind", bind}, {"port", "6379"}, {"protected-mode", "no"}};
    expect(facts, "redis.access", Status::warning, "other machines");
  }
  facts.config = Config{{"bind", ""}, {"port", "0"}, {"tls-port", "0"}, {"protected-mode", "no"}};
  expect(facts, "redis.access", Status::ok, "only this machine");
  facts.config = Seen<Config>::hidden("NOPERM config");
  expect(facts, "redis.access", Status::unknown, "NOPERM config");
  facts.loopback = false;
  expect(facts, "redis.access", Status::warning, "no password");
  facts.peer = Peer{PeerKind::redis, "NOAUTH Authentication required."};
  expect(facts, "redis.access", Status::ok, "asks who comes");
}

TEST(DoctorRights, MissingOnesAreNamedAsAclWritesThem) {
  const auto rights = [](std::initializer_list<std::tuple<const char*, const char*, bool>> rows) {
    std::vector<Right> all;
    for (const auto& [command, on, granted] : rows) all.push_back({command, on, {}, granted});
    return missing_rights(all);
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(rights({{"GET", "~a*", true}, {"PING", "", true}}), Names{});
  EXPECT_EQ(
      rights({{"GET", "~a*", true}, {"SET", "~a*", false}, {"GET", "~b*", true}, {"SET", "~b*", false}}),
      Names{"+set"});
  EXPECT_EQ(
      rights({{"GET", "~a*", true}, {"SET", "~a*", true}, {"GET", "~b*", false}, {"SET", "~b*", false}}),
      Names{"~b*"});
  EXPECT_EQ(rights({{"GET", "~a*", true}, {"SET", "~a*", true}, {"GET", "~b*", true}, {"SET", "~b*", false}}),
            Names{"(+set ~b*)"});
  EXPECT_EQ(rights({{"TIME", "", false}, {"PING", "", true}}), Names{"+time"});
  // Nothing is granted on any channel: commands and channels cannot be told apart.
  EXPECT_EQ(rights({{"PUBLISH", "&c*", false}, {"SUBSCRIBE", "&c*", false}, {"GET", "~a*", true}}),
            (Names{"&c*", "+publish", "+subscribe"}));

  RedisFacts facts = good();
  facts.user = "app";
  facts.rights = std::vector<Right>{{"GET", "~a*", {}, true}, {"HSET", "~a*", {}, false}};
  expect(facts, "redis.rights", Status::failed, "ACL SETUSER app +hset");
}

TEST(DoctorRights, EveryCallIsWellFormed) {
  for (const Right& right : needed_rights(Settings(), 1)) {
    EXPECT_FALSE(right.granted);
    EXPECT_EQ(right.words[0], right.command);
    EXPECT_EQ(std::find(right.words.begin(), right.words.end(), "@"), right.words.end()) << right.command;
  }
}

TEST(DoctorVersion, HolesOfDebiansPackage) {
  EXPECT_TRUE(holes_of_package("5:7.0.15-1~deb12u10").holes.empty());
  EXPECT_EQ(holes_of_package("5:7.0.15-1~deb12u9").holes,
            (std::vector<std::string>{"CVE-2026-81934", "CVE-2026-92925"}));
  EXPECT_EQ(holes_of_package("5:7.0.15-1~deb12u9").fixed_in, "5:7.0.15-1~deb12u10");
  EXPECT_EQ(holes_of_package("5:7.0.15-1~deb12u1").holes.size(), 20u);
  EXPECT_FALSE(knows_package("5:8.0.2-3+deb13u1"));
  EXPECT_FALSE(knows_package("6:7.4.2-1rl1~bookworm1"));
  EXPECT_TRUE(knows_package("5:7.0.15-1~deb12u9"));
}

TEST(DoctorVersion, DebiansOrder) {
  EXPECT_LT(compare_debian("5:7.0.15-1~deb12u9", "5:7.0.15-1~deb12u10"), 0);
  EXPECT_GT(compare_debian("5:7.0.15-1", "5:7.0.15-1~deb12u10"), 0);
  EXPECT_LT(compare_debian("7.0.15-1", "5:7.0.2-1"), 0);
  EXPECT_EQ(compare_debian("1.0-1", "1.0-1"), 0);
  EXPECT_LT(compare_debian("1.0a", "1.0+b"), 0);
}

TEST(DoctorVersion, HolesOfReleases) {
  EXPECT_TRUE(holes_of_release("7.2.11").holes.empty());
  EXPECT_EQ(holes_of_release("7.2.10").fixed_in, "7.2.11");
  EXPECT_EQ(holes_of_release("7.0.15").fixed_in, "7.2.11");
  EXPECT_EQ(holes_of_release("8.0.3").fixed_in, "8.0.4");
  EXPECT_TRUE(holes_of_release("8.4.0").holes.empty());
  EXPECT_TRUE(holes_of_release("").holes.empty());
}

TEST(DoctorVersion, EachStatus) {
  RedisFacts facts = good();
  replace(facts, "redis_version:8.2.2", "redis_version:7.0.15");
  expect(facts, "redis.version", Status::unknown, "CVE-2025-49844");
  facts.process = RedisProcess{.pid = 7, .user_id = 1000, .package = "5:7.0.15-1~deb12u9"};
  expect(facts, "redis.version", Status::warning, "CVE-2026-81934");
  facts.process = RedisProcess{.pid = 7, .user_id = 1000, .package = "5:7.0.15-1~deb12u10"};
  expect(facts, "redis.version", Status::ok, "deb12u10");
  facts.process = RedisProcess{.pid = 7, .user_id = 1000, .replaced = true, .package = "5:7.0.15-1~deb12u10"};
  expect(facts, "redis.version", Status::warning, "Restart");
  replace(facts, "redis_version:7.0.15", "redis_version:6.2.20");
  expect(facts, "redis.version", Status::failed, "Redis 7");
  replace(facts, "redis_version:6.2.20", "redis_version:7.2.4\r\nvalkey_version:8.0.1");
  expect(facts, "redis.version", Status::unknown, "Valkey 8.0.1");
}

TEST(DoctorPeer, AnAnswerToPingSaysWhoIsThere) {
  EXPECT_EQ(judge_answer("+PONG\r\n", false), (Peer{PeerKind::redis, "PONG"}));
  EXPECT_EQ(judge_answer("-NOAUTH Authentication required.\r\n", false),
            (Peer{PeerKind::redis, "NOAUTH Authentication required."}));
  EXPECT_EQ(judge_answer("", false).kind, PeerKind::silent);
  EXPECT_EQ(judge_answer("", true).kind, PeerKind::closes);
  EXPECT_EQ(judge_answer("HTTP/1.1 400 Bad Request\r\nServer: x\r\n", false),
            (Peer{PeerKind::stranger, "HTTP/1.1 400 Bad Request"}));
  EXPECT_EQ(judge_answer("<!DOCTYPE HTML>\n<html>", true).kind, PeerKind::stranger);
  EXPECT_EQ(judge_answer("SSH-2.0-OpenSSH\x1b[2J\r\n", false).said, "SSH-2.0-OpenSSH\\x1b[2J");
  EXPECT_EQ(judge_answer("-half an error", true).kind, PeerKind::stranger);
  EXPECT_EQ(judge_answer(std::string_view("\x15\x03\x03\x00\x02", 5), false).kind, PeerKind::tls);
}

}  // namespace
}  // namespace medsynth::cli::doctor
