#include "medsynth/api/keys.h"

#include <gtest/gtest.h>

#include "medsynth/api/router.h"

namespace medsynth::api {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{std::chrono::microseconds{1'800'000'000'000'000}};

NewKey made(std::vector<Scope> scopes, std::optional<std::chrono::seconds> lifetime = std::nullopt) {
  return make_key({.name = "ci", .scopes = std::move(scopes), .lifetime = lifetime}, kNow);
}

std::string reason_of(const Keys& keys, const std::string& authorization, WallTime now = kNow) {
  const auto key = verify(std::make_shared<const Keys>(keys), {.authorization = authorization}, now);
  return key ? "" : key.error().reason;
}

// A key opens with its token and with nothing else; the file has neither token nor secret.
TEST(Keys, ATokenIsKnownByItsHash) {
  const NewKey one = made({Scope::read}), other = made({Scope::read});
  EXPECT_NE(one.token, other.token);
  EXPECT_NE(one.key.salt, other.key.salt);
  const std::string secret = one.token.substr(one.token.rfind('_') + 1);
  EXPECT_EQ(secret.size(), 64u);
  const Keys keys{{one.key}};
  EXPECT_EQ(described::write(keys).find(secret), std::string::npos);
  const auto known =
      verify(std::make_shared<const Keys>(keys), {.authorization = "Bearer " + one.token}, kNow);
  ASSERT_TRUE(known) << known.error().message;
  EXPECT_EQ((*known)->id, one.key.id);
  EXPECT_EQ(reason_of(keys, "bEARER  " + one.token), "");
  EXPECT_EQ(reason_of(keys, "Bearer " + other.token), "key_unknown");
  // The right id with another secret, and the secret with one digit changed.
  EXPECT_EQ(reason_of(keys, "Bearer medsynth_" + one.key.id + "_" + std::string(64, '0')), "key_unknown");
  std::string near = one.token;
  near.back() = near.back() == '0' ? '1' : '0';
  EXPECT_EQ(reason_of(keys, "Bearer " + near), "key_unknown");
}

// It opens without a secret, which nobody has; a header beside it decides, and so does the newest of its keys.
TEST(Keys, ACertificateIsAKey) {
  const std::string shown(64, 'a'), other(64, 'b');
  const auto of = [&](std::optional<std::chrono::seconds> lifetime) {
    return make_key({.name = "ci", .scopes = {Scope::read}, .lifetime = lifetime, .certificate = shown},
                    kNow);
  };
  const NewKey old = of(1s), now = of(std::nullopt), secret = made({Scope::admin});
  EXPECT_EQ(now.token, "");
  const auto keys = std::make_shared<const Keys>(Keys{{old.key, now.key, secret.key}});
  const auto reason = [&](const Credentials& credentials) {
    const auto key = verify(keys, credentials, kNow + 2s);
    return key ? (*key)->id : key.error().reason;
  };
  EXPECT_EQ(reason({.authorization = "", .certificate = shown}), now.key.id);
  EXPECT_EQ(reason({.authorization = "", .certificate = other}), "certificate_unknown");
  EXPECT_EQ(reason({.authorization = "", .certificate = ""}), "key_required");
  const std::string token = "Bearer " + secret.token;
  EXPECT_EQ(reason({.authorization = token, .certificate = shown}), secret.key.id);
  EXPECT_EQ(reason({.authorization = "Bearer x", .certificate = shown}), "key_malformed");
  EXPECT_EQ(read_keys(described::write(*keys))->keys.at(1).certificate, shown);
}

// A session is as good as the key that opened it is now: revoked or expired it opens nothing, and a header beside it decides.
TEST(Keys, ASessionCountsAsItsKeyDoes) {
  const NewKey key = made({Scope::read}, 90s), other = made({Scope::admin});
  const auto opened_by = std::make_shared<const Key>(key.key);
  const auto reason = [&](const Keys& keys, WallTime now, const std::string& authorization = "") {
    const auto found = verify(std::make_shared<const Keys>(keys),
                              {.authorization = authorization, .session = opened_by}, now);
    return found ? (*found)->id : found.error().reason;
  };
  Keys keys{{key.key, other.key}};
  EXPECT_EQ(reason(keys, kNow), key.key.id);
  EXPECT_EQ(reason(keys, kNow, "Bearer " + other.token), other.key.id);
  EXPECT_EQ(reason(keys, kNow, "Bearer x"), "key_malformed");
  EXPECT_EQ(reason(keys, kNow + 90s), "key_expired");
  keys.keys[0].revoked_at = rfc3339(kNow);
  EXPECT_EQ(reason(keys, kNow), "key_revoked");
  EXPECT_EQ(reason({{other.key}}, kNow), "key_unknown");
  // An issuer's is in no file.
  Key token = key.key;
  token.of_issuer = true;
  const auto of_issuer = std::make_shared<const Key>(token);
  const auto none = std::make_shared<const Keys>();
  EXPECT_EQ(*verify(none, {.authorization = "", .session = of_issuer}, kNow), of_issuer);
  EXPECT_EQ(verify(none, {.authorization = "", .session = of_issuer}, kNow + 90s).error().reason,
            "key_expired");
}

TEST(Keys, WhatIsNoTokenIsMalformed) {
  const NewKey key = made({Scope::read});
  EXPECT_EQ(reason_of({{key.key}}, ""), "key_required");
  for (const std::string& header :
       {std::string("Bearer"), std::string("Bearer "), std::string("Basic YWRtaW46YWRtaW4="), key.token,
        "Bearer x" + key.token, "Bearer " + key.token + "0", "Bearer " + key.token + ", Bearer " + key.token,
        "Bearer " + key.token.substr(0, 40), std::string("Bearer medsynth__"), std::string("several headers"),
        "Bearer MEDSYNTH" + key.token.substr(8)})
    EXPECT_EQ(reason_of({{key.key}}, header), "key_malformed") << header;
}

// The moment counts, and a key that was revoked says so even when it has expired as well.
TEST(Keys, EndWhenTheirTimeIsOverOrWhenRevoked) {
  NewKey key = made({Scope::read}, 90s);
  EXPECT_EQ(reason_of({{key.key}}, "Bearer " + key.token, kNow + 89s), "");
  EXPECT_EQ(reason_of({{key.key}}, "Bearer " + key.token, kNow + 90s), "key_expired");
  key.key.revoked_at = rfc3339(kNow + 10s);
  EXPECT_EQ(state_of(key.key, kNow + 10s), KeyState::revoked);
  EXPECT_EQ(reason_of({{key.key}}, "Bearer " + key.token, kNow + 100s), "key_revoked");
}

// A scope allows its own calls only; admin allows all.
TEST(Keys, ScopesHoldNoOtherButAdmin) {
  const std::vector<Scope> all{Scope::read, Scope::submit, Scope::operate, Scope::admin};
  for (const Scope has : all) {
    for (const Scope needs : all) {
      const bool allowed = has == needs || has == Scope::admin;
      EXPECT_EQ(allow(made({has}).key, needs).has_value(), allowed);
    }
  }
  const auto refused = allow(made({Scope::read, Scope::submit}).key, Scope::operate);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "scope_required");
  EXPECT_NE(refused.error().message.find("has the scope read, submit, and this call needs operate"),
            std::string::npos)
      << refused.error().message;
}

TEST(Keys, MayBeLimitedToQueuesAndModels) {
  Key key = made({Scope::submit}).key;
  EXPECT_TRUE(allow_queue(nullptr, "a") && allow_model(nullptr, std::nullopt));
  EXPECT_TRUE(allow_queue(&key, "a") && allow_queue(&key, "") && allow_model(&key, std::nullopt));
  key.queues = {"a", "b"};
  key.models = {"own"};
  EXPECT_TRUE(allow_queue(&key, "b"));
  EXPECT_EQ(allow_queue(&key, "c").error().reason, "queue_not_allowed");
  EXPECT_NE(allow_queue(&key, "c").error().message.find("a, b"), std::string::npos);
  EXPECT_FALSE(allow_queue(&key, ""));
  EXPECT_TRUE(allow_model(&key, "own"));
  EXPECT_EQ(allow_model(&key, "other").error().reason, "model_not_allowed");
  EXPECT_FALSE(allow_model(&key, std::nullopt));
}

// What cannot be understood for sure gives no access; what a newer version says more does no harm.
TEST(Keys, AFileIsReadAsAWholeOrNotAtAll) {
  const Keys keys{{made({Scope::read, Scope::admin}, 90s).key}};
  const std::string text = described::write(keys);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    return read_keys(changed).has_value();
  };
  EXPECT_EQ(described::write(*read_keys(text)), text);
  EXPECT_TRUE(with("\"name\":", "\"rate\":5,\"name\":"));
  EXPECT_TRUE(with(",\"certificate\":null", ""));  // as older versions wrote it
  const std::string limits =
      R"("limits":{"rate":null,"concurrent":null,"bytes_in_flight":null,"queue_length":null},)";
  EXPECT_TRUE(with(limits, ""));  // as an older version wrote it
  EXPECT_TRUE(with(limits, R"("limits":{"rate":{"requests":20,"seconds":60},"newer":1},)"));
  EXPECT_FALSE(with(limits, R"("limits":{"rate":{"requests":0,"seconds":60}},)"));
  EXPECT_FALSE(with("\"admin\"", "\"root\""));
  EXPECT_FALSE(with("\"expires_at\":\"2", "\"expires_at\":\"x"));
  EXPECT_FALSE(with("\"revoked_at\":null", "\"revoked_at\":false"));
  EXPECT_FALSE(with("\"hash\":\"", "\"hash\":\"0"));
  EXPECT_FALSE(read_keys("").has_value() || read_keys("{}").has_value());
  EXPECT_TRUE(read_keys(R"({"format":1,"keys":[]})"));
  EXPECT_FALSE(read_keys(R"({"format":2,"keys":[]})")) << "it may limit keys in a way that is not known here";
}

template <class R>
concept HasDefaultAccess = requires { R{.method = Method::get, .pattern = "/"}; };
template <class R>
concept TakesAccess = requires { R{.method = Method::get, .pattern = "/", .access = Scope::read}; };
static_assert(TakesAccess<Route> && !HasDefaultAccess<Route>, "a route without a scope must not compile");

}  // namespace
}  // namespace medsynth::api
