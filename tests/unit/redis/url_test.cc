#include "medsynth/redis/url.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace medsynth::redis {
namespace {

TEST(ParseUrl, ReadsEveryPart) {
  const Url full = *parse_url("rediss://ada:p%40ss:w%2Ford@redis.example:7000/5");
  EXPECT_EQ(full.user, "ada");
  EXPECT_EQ(full.password, "p@ss:w/ord");
  EXPECT_EQ(full.host, "redis.example");
  EXPECT_EQ(full.port, "7000");
  EXPECT_EQ(full.database, 5);
  EXPECT_TRUE(full.tls);
}

TEST(ParseUrl, FillsInDefaults) {
  for (const char* text :
       {"redis://", "redis://localhost", "redis://localhost/", "redis://:6379", "redis://localhost:6379/0"}) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(url->shown(), "redis://localhost:6379/0") << text;
  }
  EXPECT_EQ(parse_url("redis://:secret@h")->password, "secret");
  EXPECT_EQ(parse_url("redis://:a@b@h")->password, "a@b");
  EXPECT_EQ(parse_url("redis://h?db=4")->database, 4);
}

TEST(ParseUrl, ReadsIpv6AndSockets) {
  const auto v6 = parse_url("redis://[::1]:7000/1");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->shown(), "redis://[::1]:7000/1");
  const auto unix_url = parse_url("unix://:secret@/run/my%20redis.sock?db=2");
  ASSERT_TRUE(unix_url);
  EXPECT_EQ(unix_url->unix_path, "/run/my redis.sock");
  EXPECT_EQ(unix_url->password, "secret");
  EXPECT_EQ(unix_url->database, 2);
}

TEST(ParseUrl, ReadsTheOptionsOfTls) {
  const auto url = parse_url("rediss://h?ssl_ca_certs=%2Fetc%2Fca.pem&sni=redis.internal&db=3");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->ca_file, "/etc/ca.pem");
  EXPECT_EQ(url->sni, "redis.internal");
  EXPECT_EQ(url->database, 3);
  EXPECT_FALSE(parse_url("redis://h?sni=x")) << "without TLS it would do nothing";
}

TEST(ParseUrl, ReadsSentinels) {
  const auto url = parse_url("redis+sentinel://ada:secret@one,[::1]:7000,three:26380/my%20master/4");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->sentinels, (std::vector<Address>{{"one", "26379"}, {"::1", "7000"}, {"three", "26380"}}));
  EXPECT_EQ(url->master, "my master");
  EXPECT_EQ(url->database, 4);
  EXPECT_EQ(url->password, "secret");
  EXPECT_FALSE(url->is_loopback());
  EXPECT_EQ(url->shown(), "redis+sentinel://ada:***@one:26379,[::1]:7000,three:26380/my master/4");
  EXPECT_TRUE(parse_url("rediss+sentinel://one/m?sni=redis.internal")->tls);
  const auto guarded = parse_url("redis+sentinel://:secret@one/m?sentinel_user=eve&sentinel_password=s%20p");
  ASSERT_TRUE(guarded) << guarded.error().message;
  EXPECT_EQ(guarded->sentinel_user, "eve");
  EXPECT_EQ(guarded->sentinel_password, "s p");
  EXPECT_EQ(guarded->shown(), "redis+sentinel://:***@one:26379/m/0") << "no secret of the sentinels either";
  EXPECT_FALSE(parse_url("redis://one?sentinel_password=x")) << "without sentinels it would do nothing";
  for (const char* wrong :
       {"redis+sentinel://one", "redis+sentinel://one,/m", "redis+sentinel:///m", "redis+sentinel://one/m/x",
        "unix+sentinel:///run/s", "rediss+sentinel://one/m"}) {
    const auto refused = parse_url(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().faults.at(0).pointer, "REDIS_URL");
  }
}

// What is wrong is named, with the setting it came from, and the password is never repeated.
TEST(ParseUrl, RefusesWhatItCannotRead) {
  for (const char* text : {"",
                           "localhost:6379",
                           "http://localhost",
                           "redis:/localhost",
                           "redis://h:0",
                           "redis://h:65536",
                           "redis://h:x",
                           "redis://h/-1",
                           "redis://h/one",
                           "redis://h/0/1",
                           "redis://[::1",
                           "redis://[x]",
                           "redis://[::1]7",
                           "redis://a:secret%4@h",
                           "redis://a:secret%zz@h",
                           "redis://a:secret#1@h",
                           "unix://",
                           "unix://run/redis.sock",
                           "redis://h?db=x",
                           "redis://a:secret/x@h",
                           "redis://a:x/secret@h",
                           "redis://a:secret?x@h",
                           "redis://a:x?secret@h",
                           "redis://a:secret@h?timeout=3",
                           "redis://a:secret",
                           "redis://h/secret",
                           "redis://h?secret=1",
                           "redis://h?db=secret",
                           "redis://[secret]",
                           "redis+sentinel://:x@one:secret/m",
                           "redis+sentinel://:x@one/m/secret",
                           "redis://h?db"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Code::invalid_argument);
    EXPECT_EQ(url.error().faults.at(0).pointer, "REDIS_URL");
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos) << url.error().message;
  }
}

TEST(Url, KnowsLoopbackAddresses) {
  for (const char* text :
       {"redis://localhost", "redis://127.0.0.1", "redis://127.8.9.1", "redis://[::1]", "unix:///tmp/x"})
    EXPECT_TRUE(parse_url(text)->is_loopback()) << text;
  for (const char* text : {"redis://redis", "redis://128.0.0.1", "redis://[::2]", "redis://127.0.0.1.example",
                           "redis://0.0.0.0"})
    EXPECT_FALSE(parse_url(text)->is_loopback()) << text;
}

TEST(Url, IsShownWithoutThePassword) {
  EXPECT_EQ(parse_url("redis://ada:secret@h/1")->shown(), "redis://ada:***@h:6379/1");
  EXPECT_EQ(parse_url("unix://:secret@/tmp/s?db=3")->shown(), "unix://:***@/tmp/s?db=3");
  EXPECT_EQ(parse_url("redis://secret@h")->shown(), "redis://***@h:6379/0") << "a password without its ':'";
  EXPECT_EQ(parse_url("redis://a:se%2F%2Fcret@h")->shown(), "redis://a:***@h:6379/0");
}

RC_GTEST_PROP(ParseUrl, NeverQuotesAPassword, (std::string noise)) {
  const auto url = parse_url("redis://user:hunter2@" + noise);
  const std::string said = url ? url->shown() : url.error().message;
  RC_ASSERT(said.find("hunter2") == std::string::npos);
}

}  // namespace
}  // namespace medsynth::redis
