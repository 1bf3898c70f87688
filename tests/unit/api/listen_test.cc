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

}  // namespace
}  // namespace medsynth::api
