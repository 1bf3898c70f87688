#include "medsynth/api/proxies.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

const TrustedProxies& trusted() {
  static const TrustedProxies proxies =
      *TrustedProxies::parse({"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "unix"});
  return proxies;
}

Caller caller(std::string_view peer, const ForwardedHeaders& headers) {
  const auto found = caller_behind(trusted(), peer, headers);
  EXPECT_TRUE(found);
  return found ? *found : Caller{};
}

TEST(TrustedProxies, AreAddressesAndNetworks) {
  for (const char* peer :
       {"10.0.0.1", "10.255.255.255", "192.0.2.1", "2001:db8:ffff::1", "::ffff:10.1.2.3", "unix"})
    EXPECT_TRUE(trusted().trusts(peer)) << peer;
  for (const char* peer : {"11.0.0.1", "192.0.2.2", "2001:db9::1", "127.0.0.1", "::1", "", "unknown"})
    EXPECT_FALSE(trusted().trusts(peer)) << peer;
  for (const char* peer : {"10.0.0.1", "::1", "unix", ""})
    EXPECT_FALSE(TrustedProxies().trusts(peer)) << peer;
  EXPECT_TRUE(TrustedProxies::parse({"0.0.0.0/0"})->trusts("1.2.3.4"));
  EXPECT_TRUE(TrustedProxies::parse({"10.1.2.3/8"})->trusts("10.9.9.9"));  // host bits do not count
}

TEST(TrustedProxies, AnythingElseIsNamed) {
  for (const char* entry :
       {"proxy.example", "10.0.0.0/33", "10.0.0", "10.0.0.1:80", "[::1]", "*", "::/129"}) {
    const auto parsed = TrustedProxies::parse({entry});
    ASSERT_FALSE(parsed) << entry;
    EXPECT_EQ(parsed.error().faults.at(0).pointer, "/trusted_proxies");
    EXPECT_NE(parsed.error().faults.at(0).detail.find(entry), std::string::npos);
  }
}

// What a client wrote itself stands before what the first trusted proxy added, and is not looked at.
TEST(Caller, IsTheLastOneThatIsNoTrustedProxy) {
  EXPECT_EQ(caller("10.0.0.1", {.forwarded_for = "203.0.113.9"}).address, "203.0.113.9");
  EXPECT_EQ(caller("10.0.0.1", {.forwarded_for = "10.6.6.6, 203.0.113.9"}).address, "203.0.113.9");
  EXPECT_EQ(caller("10.0.0.1", {.forwarded_for = "1.1.1.1, 203.0.113.9 ,10.0.0.2"}).address, "203.0.113.9");
  EXPECT_EQ(caller("unix", {.forwarded_for = "203.0.113.9"}).address, "203.0.113.9");
  EXPECT_EQ(caller("10.0.0.1", {.forwarded_for = "10.0.0.3, 10.0.0.2"}).address, "10.0.0.3");
}

TEST(Caller, MayBeSpeltInManyWays) {
  const auto address = [](const std::string& node) {
    return caller("unix", {.forwarded_for = node}).address;
  };
  EXPECT_EQ(address("203.0.113.9:4711"), "203.0.113.9");
  EXPECT_EQ(address("2001:db9::1"), "2001:db9::1");
  EXPECT_EQ(address("[2001:db9::1]:4711"), "2001:db9::1");
  EXPECT_EQ(address("[2001:db9::1]"), "2001:db9::1");
  EXPECT_EQ(address("::ffff:203.0.113.9"), "203.0.113.9");
  // Then nobody knows more than that the proxy asked.
  for (const char* nonsense : {"", "unknown", "_hidden", "a\"b", "[", "[]", "203.0.113.9.9", "203.0.113.9\n"})
    EXPECT_EQ(address(nonsense), "unix") << nonsense;
  EXPECT_EQ(address("203.0.113.9, nonsense"), "unix");
}

TEST(Caller, IsReadFromForwarded) {
  const Caller one =
      caller("10.0.0.1",
             {.forwarded = R"(for=6.6.6.6, For="[2001:db9::1]:4711";proto=HTTPS; host="ml.example:8443")"});
  EXPECT_EQ(one.address, "2001:db9::1");
  EXPECT_EQ(one.scheme, "https");
  EXPECT_EQ(one.host, "ml.example:8443");
  // Through two proxies: what was asked of the outer one counts.
  const Caller two = caller(
      "10.0.0.1", {.forwarded = "for=1.1.1.1;proto=gopher;host=evil, "
                                "for=203.0.113.9;proto=https;host=ml.example, for=10.0.0.2;proto=http"});
  EXPECT_EQ(two.address, "203.0.113.9");
  EXPECT_EQ(two.scheme, "https");
  EXPECT_EQ(two.host, "ml.example");
  EXPECT_EQ(caller("10.0.0.1", {.forwarded = R"(for="a,b;c\"d", for=203.0.113.9)"}).address, "203.0.113.9");
  EXPECT_EQ(caller("10.0.0.1", {.forwarded = ";;,=,for"}).address, "10.0.0.1");
}

TEST(Caller, TheLastProxysSchemeAndHostCount) {
  const Caller found = caller("unix", {.forwarded_for = "203.0.113.9",
                                       .forwarded_proto = "http, https",
                                       .forwarded_host = "evil.example, ml.example"});
  EXPECT_EQ(found.scheme, "https");
  EXPECT_EQ(found.host, "ml.example");
  EXPECT_EQ(caller("unix", {.forwarded_for = "203.0.113.9", .forwarded_proto = "javascript"}).scheme, "");
  EXPECT_EQ(caller("unix", {.forwarded_proto = "https"}).scheme, "https");
}

// The proxy wrote one of them; the other came from the client, and who knows which.
TEST(Caller, HeadersOfBothKindsAreRefused) {
  for (const ForwardedHeaders& other : {ForwardedHeaders{.forwarded_for = "6.6.6.6"},
                                        {.forwarded_proto = "https"},
                                        {.forwarded_host = "evil.example"}}) {
    ForwardedHeaders both = other;
    both.forwarded = "for=203.0.113.9";
    const auto found = caller_behind(trusted(), "unix", both);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().reason, "malformed_request");
  }
}

// What a client leaves open must not swallow what the proxy writes behind it.
TEST(Caller, AQuoteWithoutAnEndHidesNothing) {
  for (const char* header :
       {R"(for=6.6.6.6;host=evil;x=", for=203.0.113.9;proto=https)",
        R"(for=6.6.6.6;x=", for="[2001:db9::1]:80")", R"(for=6.6.6.6;x="\, for=203.0.113.9)"}) {
    const auto found = caller_behind(trusted(), "unix", {.forwarded = header});
    ASSERT_FALSE(found) << header;
    EXPECT_EQ(found.error().reason, "malformed_request");
  }
  EXPECT_EQ(caller("unix", {.forwarded_for = R"(6.6.6.6, ", 203.0.113.9)"}).address, "203.0.113.9");
}

TEST(Caller, OthersAreNotBelieved) {
  EXPECT_EQ(caller("127.0.0.1", {.forwarded_for = "203.0.113.9", .forwarded_proto = "https"}).address,
            "127.0.0.1");
  EXPECT_EQ(caller("127.0.0.1", {.forwarded_for = "203.0.113.9", .forwarded_proto = "https"}).scheme, "");
}

}  // namespace
}  // namespace medsynth::api
