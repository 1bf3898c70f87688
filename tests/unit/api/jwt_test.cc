#include "medsynth/api/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{std::chrono::microseconds{1'800'000'000'000'000}};
constexpr std::int64_t kSecond = 1'800'000'000;

std::string encode(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const unsigned char c : bytes) {
    bits = (bits << 8U) | c;
    for (count += 8; count >= 6; count -= 6) out += kDigits[(bits >> (count - 6)) & 63U];
  }
  if (count > 0) out += kDigits[(bits << (6 - count)) & 63U];
  return out;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// An issuer's key pair.
struct Signer {
  std::string kid;
  std::shared_ptr<EVP_PKEY> key;

  std::string number(const char* name) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key.get(), name, &value);
    std::string out(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, reinterpret_cast<unsigned char*>(out.data()));
    BN_free(value);
    return out;
  }
  std::string point() const {
    std::string out(65, '\0');
    std::size_t size = 0;
    EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                    reinterpret_cast<unsigned char*>(out.data()), out.size(), &size);
    return out;
  }
  std::string raw() const {
    std::string out(32, '\0');
    std::size_t size = out.size();
    EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(out.data()), &size);
    return out;
  }

  std::string jwk() const {
    if (EVP_PKEY_is_a(key.get(), "RSA") == 1)
      return fmt::format(R"({{"kty":"RSA","use":"sig","kid":"{}","n":"{}","e":"{}"}})", kid,
                         encode(number("n")), encode(number("e")));
    if (EVP_PKEY_is_a(key.get(), "EC") == 1)
      return fmt::format(R"({{"kty":"EC","crv":"P-256","kid":"{}","x":"{}","y":"{}"}})", kid,
                         encode(point().substr(1, 32)), encode(point().substr(33)));
    return fmt::format(R"({{"kty":"OKP","crv":"Ed25519","kid":"{}","x":"{}"}})", kid, encode(raw()));
  }

  std::string sign(std::string_view alg, std::string_view text) const {
    const std::shared_ptr<EVP_MD_CTX> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_PKEY_CTX* options = nullptr;
    const bool ed25519 = EVP_PKEY_is_a(key.get(), "ED25519") == 1;
    EVP_DigestSignInit(context.get(), &options, ed25519 ? nullptr : EVP_sha256(), nullptr, key.get());
    if (alg == "PS256") {
      EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    std::size_t size = 0;
    EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size());
    std::string out(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes_of(text),
                   text.size());
    out.resize(size);
    if (EVP_PKEY_is_a(key.get(), "EC") != 1) return out;
    const unsigned char* at = bytes_of(out);
    const std::shared_ptr<ECDSA_SIG> parts(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)),
                                           ECDSA_SIG_free);
    std::string flat(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), reinterpret_cast<unsigned char*>(flat.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), reinterpret_cast<unsigned char*>(flat.data()) + 32, 32);
    return flat;
  }

  std::string token(std::string_view alg, std::string_view claims) const {
    const std::string text =
        encode(fmt::format(R"({{"typ":"JWT","alg":"{}","kid":"{}"}})", alg, kid)) + "." + encode(claims);
    return text + "." + encode(sign(alg, text));
  }
};

Signer signer(std::string kid, EVP_PKEY* key) {
  return {std::move(kid), {key, EVP_PKEY_free}};
}
const Signer& rsa() {
  static const Signer made = signer("r", EVP_RSA_gen(2048));
  return made;
}
const Signer& p256() {
  static const Signer made = signer("e", EVP_EC_gen("P-256"));
  return made;
}
const Signer& ed25519() {
  static const Signer made = signer("o", EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  return made;
}

std::string set_text(const std::string& keys) {
  return fmt::format(R"({{"keys":[{}]}})", keys);
}
const KeySet& keys() {
  static const KeySet made =
      *KeySet::parse(set_text(rsa().jwk() + "," + p256().jwk() + "," + ed25519().jwk()));
  return made;
}

TokenRules rules() {
  return *token_rules("https://issuer.example", "medsynth", {"scopes=scope", "name=sub"},
                      {"read", "submit", "operate", "admin"}, 30s);
}

// Claims that count, with `more` in place of, or besides, those that are there.
std::string claims(std::string_view more = "") {
  return fmt::format(
      R"({{"iss":"https://issuer.example","aud":"medsynth","sub":"ada","scope":"read submit openid","iat":{},"exp":{}{}{}}})",
      kSecond - 10, kSecond + 600, more.empty() ? "" : ",", more);
}

std::string reason_of(const std::string& token, const TokenRules& how = rules(), WallTime now = kNow) {
  const auto key = verify_token(how, keys(), token, now);
  if (!key) EXPECT_EQ(key.error().code, Code::not_allowed);
  return key ? "" : key.error().reason;
}

// What a token says becomes a key: scopes that are known here, the subject's name, the end.
TEST(Jwt, EachAlgorithmOpens) {
  for (const auto& [who, alg] : std::vector<std::pair<const Signer*, std::string>>{
           {&rsa(), "RS256"}, {&rsa(), "PS256"}, {&p256(), "ES256"}, {&ed25519(), "EdDSA"}}) {
    const auto key = verify_token(rules(), keys(), who->token(alg, claims()), kNow);
    ASSERT_TRUE(key) << alg << ": " << key.error().message;
    EXPECT_EQ(key->name, "ada");
    EXPECT_EQ(key->scopes, (std::vector{Scope::read, Scope::submit}));
    EXPECT_TRUE(key->of_issuer && key->id.starts_with("jwt_") && key->id.size() == 16);
    EXPECT_EQ(key->expires_at, rfc3339(kNow + 630s));
    EXPECT_TRUE(key->queues.empty() && key->models.empty());
  }
}

// One person is one caller, whatever the token; another one, or another issuer's, is not.
TEST(Jwt, TheIdIsOfIssuerAndSubject) {
  const auto id = [](std::string_view more) {
    return verify_token(rules(), keys(), p256().token("ES256", claims(more)), kNow)->id;
  };
  EXPECT_EQ(id(""), id(R"("jti":"2")"));
  EXPECT_NE(id(""), id(R"("sub":"eve")"));
}

// What an attacker can make without the issuer's private key.
TEST(Jwt, OnlyTheIssuersSignatureCounts) {
  const Signer stranger = signer("r", EVP_RSA_gen(2048));
  EXPECT_EQ(reason_of(stranger.token("RS256", claims())), "token_not_trusted");
  const std::string good = rsa().token("RS256", claims());
  // Another text under the same signature, and no signature at all.
  const std::size_t first = good.find('.'), last = good.rfind('.');
  EXPECT_EQ(reason_of(good.substr(0, first + 1) + encode(claims(R"("scope":"admin")")) + good.substr(last)),
            "token_not_trusted");
  EXPECT_EQ(reason_of(good.substr(0, last + 1)), "token_not_trusted");
  for (const char* alg : {"none", "None", "NONE", ""}) {
    const std::string text = encode(fmt::format(R"({{"alg":"{}","kid":"r"}})", alg)) + "." + encode(claims());
    EXPECT_EQ(reason_of(text + "."), "token_not_trusted") << alg;
    EXPECT_EQ(reason_of(text + good.substr(last)), "token_not_trusted") << alg;
  }
  // The public key as the secret of an HMAC, as it stands in a file.
  const std::shared_ptr<BIO> pem(BIO_new(BIO_s_mem()), BIO_free_all);
  PEM_write_bio_PUBKEY(pem.get(), rsa().key.get());
  char* secret = nullptr;
  const long size = BIO_get_mem_data(pem.get(), &secret);
  const std::string text = encode(R"({"alg":"HS256","kid":"r"})") + "." + encode(claims());
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HMAC(EVP_sha256(), secret, static_cast<int>(size), bytes_of(text), text.size(), mac, &length);
  EXPECT_EQ(reason_of(text + "." + encode({reinterpret_cast<const char*>(mac), length})),
            "token_not_trusted");
  // A key of another kind than the algorithm's, and a signature of the other padding.
  Signer confused = p256();
  confused.kid = "r";
  EXPECT_EQ(reason_of(confused.token("ES256", claims())), "token_not_trusted");
  EXPECT_EQ(reason_of(rsa().token("ES256", claims())), "token_not_trusted");
  const std::string header = encode(R"({"alg":"PS256","kid":"r"})") + "." + encode(claims());
  EXPECT_EQ(reason_of(header + "." + encode(rsa().sign("RS256", header))), "token_not_trusted");
  // The numbers of an ES256 signature must be there in full.
  const std::string signed_text = encode(R"({"alg":"ES256","kid":"e"})") + "." + encode(claims());
  EXPECT_EQ(reason_of(signed_text + "." + encode(p256().sign("ES256", signed_text).substr(0, 63))),
            "token_not_trusted");
  EXPECT_EQ(reason_of(signed_text + "." + encode(std::string(64, '\0'))), "token_not_trusted");
}

TEST(Jwt, ExtensionsThatMustBeUnderstoodAreRefused) {
  const std::string text =
      encode(R"({"alg":"ES256","kid":"e","crit":["b64"],"b64":false})") + "." + encode(claims());
  EXPECT_EQ(reason_of(text + "." + encode(p256().sign("ES256", text))), "token_not_trusted");
}

TEST(Jwt, WhatIsNoTokenIsMalformed) {
  const std::string good = p256().token("ES256", claims());
  for (const std::string& token :
       {std::string(""), std::string("a"), std::string("."), std::string(".."), std::string("a.b"),
        good + ".x", "=" + good, good.substr(1), " " + good, good + "+",
        encode("[]") + good.substr(good.find('.')), std::string(20'000, 'a') + good})
    EXPECT_EQ(reason_of(token), "token_malformed") << token.substr(0, 80);
  EXPECT_EQ(reason_of(p256().token("ES256", "[1]")), "token_malformed");
}

// Each thing that a token must say, and the moment from which it no longer counts.
TEST(Jwt, EveryClaimCounts) {
  const auto reason = [](std::string_view more) { return reason_of(p256().token("ES256", claims(more))); };
  EXPECT_EQ(reason(R"("iss":"https://issuer.example/")"), "token_issuer");
  EXPECT_EQ(reason(R"("iss":["https://issuer.example"])"), "token_issuer");
  EXPECT_EQ(reason(R"("aud":"others")"), "token_audience");
  EXPECT_EQ(reason(R"("aud":["others","medsynth2"])"), "token_audience");
  EXPECT_EQ(reason(R"("aud":null)"), "token_audience");
  EXPECT_EQ(reason(R"("aud":["others","medsynth"])"), "");
  EXPECT_EQ(reason(R"("exp":null)"), "token_claim");
  EXPECT_EQ(reason(R"("exp":"1900000000")"), "token_claim");
  EXPECT_EQ(reason(R"("exp":1e300)"), "token_claim");
  EXPECT_EQ(reason(R"("exp":-1)"), "token_claim");
  EXPECT_EQ(reason(fmt::format(R"("exp":{})", kSecond - 30)), "token_expired");
  EXPECT_EQ(reason(fmt::format(R"("exp":{})", kSecond - 29)), "");  // the leeway
  EXPECT_EQ(reason(fmt::format(R"("nbf":{})", kSecond + 30)), "");
  EXPECT_EQ(reason(fmt::format(R"("nbf":{})", kSecond + 31)), "token_not_yet_valid");
  EXPECT_EQ(reason(fmt::format(R"("iat":{})", kSecond + 31)), "token_not_yet_valid");
  EXPECT_EQ(reason(R"("sub":"")"), "token_claim");
  EXPECT_EQ(reason(R"("sub":"a\nb")"), "token_claim");
  EXPECT_EQ(reason(R"("scope":7)"), "token_claim");
  EXPECT_EQ(reason_of(p256().token(
                "ES256", R"({"iss":"https://issuer.example","aud":"medsynth","sub":"a","scope":"read"})")),
            "token_claim");
}

// Groups of an issuer's own become scopes; lists and claims in claims are read; limits must be there once they are asked for.
TEST(Jwt, ClaimsAreMapped) {
  const auto mapped = token_rules(
      "https://issuer.example", "medsynth",
      {"scopes=realm_access.roles", "name=email", "queues=https://ms.example/queues", "models=models"},
      {"lab=read", "lab=submit", "a=b=operate"}, 0s);
  ASSERT_TRUE(mapped) << mapped.error().message;
  constexpr std::string_view kAll =
      R"("realm_access":{"roles":["lab","a=b","admin"]},"email":"ada@lab.example","https://ms.example/queues":["q1"],"models":"m1 m2")";
  const auto key = verify_token(*mapped, keys(), p256().token("ES256", claims(kAll)), kNow);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->scopes, (std::vector{Scope::read, Scope::submit, Scope::operate}));
  EXPECT_EQ(key->name, "ada@lab.example");
  EXPECT_EQ(key->queues, std::vector<std::string>{"q1"});
  EXPECT_EQ(key->models, (std::vector<std::string>{"m1", "m2"}));
  EXPECT_EQ(reason_of(p256().token("ES256", claims()), *mapped), "token_claim");
  EXPECT_EQ(reason_of(p256().token("ES256", claims(std::string(kAll) + R"(,"models":[])")), *mapped),
            "token_claim");
}

TEST(Jwt, SettingsThatSayNothingAreRefused) {
  const auto pointer = [](std::string audience, std::vector<std::string> claims_,
                          std::vector<std::string> scopes) {
    const auto made = token_rules("i", std::move(audience), claims_, scopes, 0s);
    return made ? "" : made.error().faults.at(0).pointer;
  };
  EXPECT_EQ(pointer("a", {"scopes=groups"}, {"x=read"}), "");
  EXPECT_EQ(pointer("", {}, {"read"}), "--jwt-audience");
  for (const char* entry : {"scope=groups", "name=", "name", "=x"})
    EXPECT_EQ(pointer("a", {entry}, {"read"}), "--jwt-claims") << entry;
  for (const char* entry : {"ops", "ops=write", "=read", "ops="})
    EXPECT_EQ(pointer("a", {}, {entry}), "--jwt-scopes") << entry;
}

// Keys that no token may be signed with are passed over; a set without others is none.
TEST(Jwt, WhichKeysOfASetCount) {
  const Signer small = signer("small", EVP_RSA_gen(1024));
  for (const std::string& key : {small.jwk(), std::string(R"({"kty":"oct","k":"c2VjcmV0"})"),
                                 std::string(R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"),
                                 std::string(R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})"),
                                 std::string(R"({"kty":7})"), std::string("7"), std::string("")})
    EXPECT_FALSE(KeySet::parse(set_text(key))) << key;
  for (const std::string& text :
       {std::string("{"), std::string("[]"), std::string("{}"), std::string(R"({"keys":{}})")})
    EXPECT_FALSE(KeySet::parse(text)) << text;
  std::string encryption = p256().jwk();
  encryption.replace(encryption.find(R"("crv")"), 0, R"("use":"enc",)");
  EXPECT_FALSE(KeySet::parse(set_text(encryption)));
  const auto both = KeySet::parse(set_text(small.jwk() + "," + p256().jwk()));
  ASSERT_TRUE(both);
  EXPECT_EQ(both->size(), 1u);
  EXPECT_TRUE(both->find("e", "ES256"));
  EXPECT_FALSE(both->find("e", "RS256"));
  EXPECT_FALSE(both->find("", "ES256"));
  // Two that could be meant are none.
  EXPECT_FALSE(KeySet::parse(set_text(p256().jwk() + "," + p256().jwk()))->find("e", "ES256"));
}

}  // namespace
}  // namespace medsynth::api
