#include "medsynth/api/listen.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

TEST(ParseListen, ReadsHostAndPort) {
  for (const char* text : {"127.0.0.1:8000", "localhost:8000", "[::1]:8000"}) {
    const auto address = parse_listen(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->port, "8000");
    EXPECT_TRUE(address->is_loopback);
  }
  EXPECT_EQ(parse_listen("[::1]:0")->host, "::1");
}

TEST(ParseListen, TellsWhatOtherMachinesReach) {
  for (const char* text : {"0.0.0.0:8000", "[::]:8000", "192.168.1.5:80", "example.org:80"}) {
    const auto address = parse_listen(text);
    ASSERT_TRUE(address) << text;
    EXPECT_FALSE(address->is_loopback) << text;
  }
}

TEST(ParseListen, ReadsAUnixSocket) {
  const auto address = parse_listen("unix:/run/medsynth/api.sock");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->unix_path, "/run/medsynth/api.sock");
  EXPECT_TRUE(address->is_loopback);
  EXPECT_TRUE(parse_listen("unix:/" + std::string(106, 'x')));
  for (const std::string& text :
       {std::string("unix:"), std::string("unix:api.sock"), std::string("unix:/run/"),
        std::string("unix://:secret@/run/api.sock"), "unix:/" + std::string(107, 'x')})
    EXPECT_FALSE(parse_listen(text)) << text;
}

TEST(ParseListen, RefusesWhatIsNoAddress) {
  for (const char* text : {"", "127.0.0.1", ":8000", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536",
                           "::1:8000", "[::1", "[::1]8000", "a:-1"})
    EXPECT_FALSE(parse_listen(text)) << text;
}

// A page on another name that was rebound to 127.0.0.1 sends that name.
TEST(LoopbackHost, OnlyNamesOfLoopbackPass) {
  for (const char* host : {"localhost", "LOCALHOST:8000", "127.0.0.1:1", "127.9.9.9", "[::1]:8000", "[::1]"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host : {"", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000",
                           "127.evil.0.1", "192.168.0.1", "localhost:80a", "[::1"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

// In any case and with any port, but whole.
TEST(AllowedHosts, AreNamesWithoutAPort) {
  const std::vector<std::string> names{"ML.example.org", "10.0.0.1", "fe80::1"};
  EXPECT_TRUE(check_hosts(names));
  for (const char* host : {"ml.example.org", "ml.EXAMPLE.org:8443", "10.0.0.1:80", "[fe80::1]:80"})
    EXPECT_TRUE(is_host_of(host, names)) << host;
  for (const char* host :
       {"", "example.org", "ml.example.org.evil.example", "xml.example.org", "ml.example.org:x"})
    EXPECT_FALSE(is_host_of(host, names)) << host;
  for (const char* name : {"ml.example.org:80", "*.example.org", "http://ml", "a b", "[::1]"}) {
    const auto checked = check_hosts({name});
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().faults.at(0).pointer, "/allowed_hosts");
  }
}

TEST(PathPrefix, IsAPathWithoutASlashAtItsEnd) {
  for (const char* prefix : {"", "/medsynth", "/a/b-c/d.e_~"})
    EXPECT_TRUE(check_path_prefix(prefix)) << prefix;
  for (const char* prefix :
       {"/", "medsynth", "/medsynth/", "/a//b", "/a/../b", "/.", "/a b", "/a?b", "/%2F"}) {
    const auto checked = check_path_prefix(prefix);
    ASSERT_FALSE(checked) << prefix;
    EXPECT_EQ(checked.error().faults.at(0).pointer, "/path_prefix");
  }
}

// Proxies that leave it and those that take it off are served alike.
TEST(PathPrefix, IsTakenOff) {
  EXPECT_EQ(below("/m", "/m/v1/tasks/"), "/v1/tasks/");
  EXPECT_EQ(below("/m", "/v1/tasks/"), "/v1/tasks/");
  EXPECT_EQ(below("/m", "/mv1/tasks/"), "/mv1/tasks/");
  EXPECT_EQ(below("/m", "/m"), "");
  EXPECT_EQ(below("", "/m"), "/m");
}

}  // namespace
}  // namespace medsynth::api
