#include "medsynth/api/issuer.h"

#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "support/eventually.h"

namespace medsynth::api {
namespace {

using namespace std::chrono_literals;

// Of RFC 8037, A.2: a public key, which signs nothing here.
constexpr std::string_view kKeys =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";
// {"alg":"EdDSA","kid":"one"} and {"alg":"EdDSA","kid":"two"}
constexpr std::string_view kKnown = "eyJhbGciOiJFZERTQSIsImtpZCI6Im9uZSJ9.e30.AAAA";
constexpr std::string_view kUnknown = "eyJhbGciOiJFZERTQSIsImtpZCI6InR3byJ9.e30.AAAA";

std::string reason_of(Issuer& issuer, std::string_view token) {
  const auto key = issuer.verify(token, system_clock().now());
  return key ? "" : key.error().reason;
}

// A token of a known key is judged at once; one of another key makes it fetch, but no more often than the pause allows.
TEST(Issuer, FetchesAnewForAnUnknownKeyAndNotTooOften) {
  std::atomic<int> fetches{0};
  Issuer eager({.fetch = [&](const std::stop_token&) -> Result<std::string> {
                  ++fetches;
                  return std::string(kKeys);
                },
                .pause = 1ms});
  EXPECT_TRUE(test::eventually([&] { return reason_of(eager, kKnown) == "token_not_trusted"; }));
  const int before = fetches;
  EXPECT_TRUE(test::eventually([&] { return reason_of(eager, kUnknown) == "issuer_keys_pending"; }));
  EXPECT_TRUE(test::eventually([&] { return fetches > before; }));

  std::atomic<int> rare{0};
  Issuer patient({.fetch = [&](const std::stop_token&) -> Result<std::string> {
                    ++rare;
                    return std::string(kKeys);
                  },
                  .pause = 1h});
  EXPECT_TRUE(test::eventually([&] { return reason_of(patient, kUnknown) == "token_not_trusted"; }));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(reason_of(patient, kUnknown), "token_not_trusted");
  EXPECT_EQ(rare, 1);
}

// Who cannot be asked is said, with why; keys that were known go on to count, and it is asked again.
TEST(Issuer, OneThatIsAwayIsSaidSo) {
  std::atomic<bool> away{true};
  Issuer issuer({.fetch = [&](const std::stop_token&) -> Result<std::string> {
                   if (away) return Error{Code::unavailable, "it is closed", ""};
                   return std::string(kKeys);
                 },
                 .pause = 1ms});
  EXPECT_TRUE(test::eventually([&] { return reason_of(issuer, kKnown) == "issuer_unavailable"; }));
  const auto said = issuer.verify(kKnown, system_clock().now());
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().code, Code::unavailable);
  EXPECT_NE(said.error().message.find("it is closed"), std::string::npos);
  away = false;
  EXPECT_TRUE(test::eventually([&] { return reason_of(issuer, kKnown) == "token_not_trusted"; }));
  away = true;
  EXPECT_TRUE(test::eventually([&] { return reason_of(issuer, kUnknown) == "issuer_unavailable"; }));
  EXPECT_EQ(reason_of(issuer, kKnown), "token_not_trusted");
}

// What is no token asks nobody, and a fetch that hangs does not keep the server from ending.
TEST(Issuer, EndsWhileItFetches) {
  std::atomic<bool> fetching{false};
  {
    Issuer issuer({.fetch = [&](const std::stop_token& stop) -> Result<std::string> {
      fetching = true;
      while (!stop.stop_requested()) std::this_thread::yield();
      return Error{Code::cancelled, "", ""};
    }});
    EXPECT_TRUE(test::eventually([&] { return fetching.load(); }));
    EXPECT_EQ(reason_of(issuer, "abc"), "token_malformed");
    EXPECT_EQ(reason_of(issuer, kKnown), "issuer_keys_pending");
  }
}

}  // namespace
}  // namespace medsynth::api
