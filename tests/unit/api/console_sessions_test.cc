#include "medsynth/api/console_sessions.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{std::chrono::microseconds{1'800'000'000'000'000}};

std::shared_ptr<const Key> key(const std::string& name) {
  return std::make_shared<const Key>(make_key({.name = name, .scopes = {Scope::read}}, kNow).key);
}

TEST(ConsoleSessions, BeginAndEnd) {
  ConsoleSessions sessions;
  const auto ada = key("ada");
  const std::string secret = sessions.begin(ada, kNow);
  EXPECT_EQ(secret.size(), 64u);
  EXPECT_EQ(sessions.find(secret, kNow), ada);
  EXPECT_EQ(sessions.end_of(secret), kNow + ConsoleSessions::kLifetime);
  EXPECT_FALSE(sessions.find("", kNow));
  EXPECT_FALSE(sessions.find(secret.substr(1), kNow));
  EXPECT_NE(sessions.begin(ada, kNow), secret);
  sessions.end(secret);
  EXPECT_FALSE(sessions.find(secret, kNow));
}

TEST(ConsoleSessions, EndByThemselves) {
  ConsoleSessions sessions;
  const std::string secret = sessions.begin(key("ada"), kNow);
  EXPECT_TRUE(sessions.find(secret, kNow + ConsoleSessions::kLifetime - 1us));
  EXPECT_FALSE(sessions.find(secret, kNow + ConsoleSessions::kLifetime));
  sessions.begin(key("eve"), kNow + ConsoleSessions::kLifetime);
  EXPECT_EQ(sessions.size(), 1u);  // the one that was over is gone
}

// Whoever signs in again and again pushes out its own oldest session, and nobody else's.
TEST(ConsoleSessions, AreBounded) {
  ConsoleSessions sessions;
  const auto ada = key("ada"), eve = key("eve");
  const std::string hers = sessions.begin(ada, kNow), first = sessions.begin(eve, kNow);
  for (std::size_t i = 1; i < ConsoleSessions::kMaxOfKey; ++i) sessions.begin(eve, kNow);
  EXPECT_TRUE(sessions.find(first, kNow));
  const std::string newest = sessions.begin(eve, kNow);
  EXPECT_FALSE(sessions.find(first, kNow));
  EXPECT_TRUE(sessions.find(newest, kNow) && sessions.find(hers, kNow));
  EXPECT_EQ(sessions.size(), ConsoleSessions::kMaxOfKey + 1);
  for (std::size_t i = 0; i < ConsoleSessions::kMax; ++i) sessions.begin(key("other"), kNow);
  EXPECT_EQ(sessions.size(), ConsoleSessions::kMax);
}

TEST(ConsoleSessions, TheCookieIsFoundByItsWholeName) {
  EXPECT_EQ(cookie_value("s=1", "s"), "1");
  EXPECT_EQ(cookie_value("a=2; s=1; b=3", "s"), "1");
  EXPECT_EQ(cookie_value("xs=2; s2=3; s=1", "s"), "1");
  for (const char* header : {"", "s", "xs=1", "s2=1", "S=1", ";;; ", "a=s=1"})
    EXPECT_EQ(cookie_value(header, "s"), "") << header;
}

}  // namespace
}  // namespace medsynth::api
