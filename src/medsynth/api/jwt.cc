#include "medsynth/api/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "medsynth/api/owned.h"
#include "medsynth/base/id.h"

namespace medsynth::api {
namespace {

constexpr std::size_t kMaxToken = 16 * 1024;  // more does not fit into a header anyway
constexpr std::size_t kMaxKeys = 100;
constexpr int kLeastRsaBits = 2048;
constexpr std::size_t kP256Bytes = 32, kEd25519Bytes = 32;
constexpr double kLastSecond = 253'402'300'799;  // of the year 9999, the last that rfc3339() writes

struct Algorithm {
  std::string_view name;
  KeySet::Kind kind;
};
constexpr std::array kAlgorithms{Algorithm{"RS256", KeySet::Kind::rsa}, Algorithm{"PS256", KeySet::Kind::rsa},
                                 Algorithm{"ES256", KeySet::Kind::p256},
                                 Algorithm{"EdDSA", KeySet::Kind::ed25519}};

const Algorithm* find_algorithm(std::string_view name) {
  const auto found = std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                                  [&](const Algorithm& each) { return each.name == name; });
  return found == kAlgorithms.end() ? nullptr : &*found;
}

using OwnedNumber = Owned<BIGNUM, BN_free>;
using OwnedBuild = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using OwnedParams = Owned<OSSL_PARAM, OSSL_PARAM_free>;
using OwnedKeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using OwnedDigest = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using OwnedEcSignature = Owned<ECDSA_SIG, ECDSA_SIG_free>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// base64url without padding (RFC 7515, 2).
std::optional<std::string> decode(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '-'             ? 62
                      : c == '_'             ? 63
                                             : -1;
    if (digit < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    if ((count += 6) < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xFFU);
  }
  // What is left over is padding, and there is one way to write it.
  const bool whole = count < 6 && (bits & ((1U << static_cast<unsigned>(count)) - 1)) == 0;
  return whole ? std::optional(out) : std::nullopt;
}

// A member of a JWK that is bytes; "" where it is none.
std::string member_bytes(const std::optional<std::string>& member) {
  return member ? decode(*member).value_or("") : "";
}

// RFC 7517, 4 and RFC 7518, 6.
struct Jwk {
  std::string kty;
  std::optional<std::string> kid, use, alg, crv, n, e, x, y;
};
BOOST_DESCRIBE_STRUCT(Jwk, (), (kty, kid, use, alg, crv, n, e, x, y))

struct Jwks {
  std::vector<json::value> keys;
};
BOOST_DESCRIBE_STRUCT(Jwks, (), (keys))

// RFC 7515, 4.1.
struct JoseHeader {
  std::string alg;
  std::optional<std::string> kid;
  std::optional<json::value> crit;
};
BOOST_DESCRIBE_STRUCT(JoseHeader, (), (alg, kid, crit))

std::shared_ptr<EVP_PKEY> key_of_params(const char* type, OSSL_PARAM_BLD* build) {
  const OwnedParams params(OSSL_PARAM_BLD_to_param(build));
  const OwnedKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params && context && EVP_PKEY_fromdata_init(context.get()) == 1)
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  return {key, EVP_PKEY_free};
}

std::shared_ptr<EVP_PKEY> rsa_key(const std::string& n, const std::string& e) {
  const OwnedNumber modulus(BN_bin2bn(bytes_of(n), static_cast<int>(n.size()), nullptr));
  const OwnedNumber exponent(BN_bin2bn(bytes_of(e), static_cast<int>(e.size()), nullptr));
  const OwnedBuild build(OSSL_PARAM_BLD_new());
  if (!modulus || !exponent || !build || BN_num_bits(modulus.get()) < kLeastRsaBits) return nullptr;
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return key_of_params("RSA", build.get());
}

std::shared_ptr<EVP_PKEY> p256_key(const std::string& x, const std::string& y) {
  const OwnedBuild build(OSSL_PARAM_BLD_new());
  if (!build || x.size() != kP256Bytes || y.size() != kP256Bytes) return nullptr;
  const std::string point = "\x04" + x + y;  // uncompressed
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return key_of_params("EC", build.get());
}

std::optional<KeySet::PublicKey> public_key(const json::value& member) {
  const auto jwk = described::from_value<Jwk>(member);
  if (!jwk || jwk->use.value_or("sig") != "sig") return std::nullopt;
  KeySet::PublicKey out{jwk->kid.value_or(""), jwk->alg.value_or(""), KeySet::Kind::rsa, nullptr};
  const std::string x = member_bytes(jwk->x);
  if (jwk->kty == "RSA") {
    out.key = rsa_key(member_bytes(jwk->n), member_bytes(jwk->e));
  } else if (jwk->kty == "EC" && jwk->crv == "P-256") {
    out.kind = KeySet::Kind::p256;
    out.key = p256_key(x, member_bytes(jwk->y));
  } else if (jwk->kty == "OKP" && jwk->crv == "Ed25519" && x.size() == kEd25519Bytes) {
    out.kind = KeySet::Kind::ed25519;
    out.key = {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()), EVP_PKEY_free};
  }
  return out.key ? std::optional(out) : std::nullopt;
}

// A signature of ES256 is two numbers (RFC 7518, 3.4); OpenSSL wants them in DER. "": it is none.
std::string der_of(std::string_view signature) {
  const OwnedEcSignature parts(ECDSA_SIG_new());
  if (!parts || signature.size() != 2 * kP256Bytes) return "";
  ECDSA_SIG_set0(parts.get(), BN_bin2bn(bytes_of(signature), kP256Bytes, nullptr),
                 BN_bin2bn(bytes_of(signature) + kP256Bytes, kP256Bytes, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parts.get(), &der);
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(std::max(size, 0)));
  OPENSSL_free(der);
  return out;
}

bool is_signed_by(const KeySet::PublicKey& key, std::string_view algorithm, std::string_view text,
                  std::string_view signature) {
  const OwnedDigest digest(EVP_MD_CTX_new());
  EVP_PKEY_CTX* context = nullptr;
  const EVP_MD* hash = key.kind == KeySet::Kind::ed25519 ? nullptr : EVP_sha256();
  if (!digest || EVP_DigestVerifyInit(digest.get(), &context, hash, nullptr, key.key.get()) != 1)
    return false;
  if (algorithm == "PS256" && (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) != 1 ||
                               EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) != 1))
    return false;
  const std::string der = key.kind == KeySet::Kind::p256 ? der_of(signature) : std::string(signature);
  return EVP_DigestVerify(digest.get(), bytes_of(der), der.size(), bytes_of(text), text.size()) == 1;
}

Error unauthorized(std::string reason, std::string message) {
  return {Code::not_allowed, std::move(message), std::move(reason)};
}

Error malformed() {
  return unauthorized(
      "token_malformed",
      "The Authorization header has neither a key of this server, which begins with medsynth_, "
      "nor a signed token of its issuer: three parts of base64url with dots between (RFC 7519).");
}

// The three parts of a token, still encoded.
struct Parts {
  std::string_view header, claims, signature, signed_text;
};
std::optional<Parts> parts_of(std::string_view token) {
  const std::size_t first = token.find('.'), second = token.find('.', std::min(first, token.size() - 1) + 1);
  if (token.size() > kMaxToken || second == token.npos || token.find('.', second + 1) != token.npos)
    return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
               token.substr(0, second)};
}

Error no_claim(std::string_view claim, std::string_view must) {
  return unauthorized("token_claim",
                      fmt::format("The token's claim {} {}: its issuer must put it in.", claim, must));
}

// A member by its name, or by names with dots between in objects of objects ("realm_access.roles").
const json::value* find_claim(const json::object& claims, std::string_view name) {
  if (const json::value* found = claims.if_contains(name)) return found;
  const std::size_t dot = name.find('.');
  const json::value* inner = dot == name.npos ? nullptr : claims.if_contains(name.substr(0, dot));
  return inner && inner->is_object() ? find_claim(inner->get_object(), name.substr(dot + 1)) : nullptr;
}

Result<std::string> text_claim(const json::object& claims, std::string_view name) {
  const json::value* found = find_claim(claims, name);
  if (!found || !found->is_string() || !check_name("", found->get_string()))
    return no_claim(name, "must be there, with a text of 1 to 200 bytes and without control characters");
  return std::string(found->get_string());
}

// Words of a text, as in scope (RFC 8693, 4.2), or the texts of a list.
Result<std::vector<std::string>> words_claim(const json::object& claims, std::string_view name) {
  const json::value* found = find_claim(claims, name);
  std::vector<std::string> words;
  if (found && found->is_string()) {
    const std::string_view text = found->get_string();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      if (end > at) words.emplace_back(text.substr(at, end - at));
      at = end + 1;
    }
    return words;
  }
  if (!found || !found->is_array()) return no_claim(name, "must be there, a text or a list of texts");
  for (const json::value& each : found->get_array()) {
    if (!each.is_string()) return no_claim(name, "must be a text or a list of texts");
    words.emplace_back(each.get_string());
  }
  return words;
}

// Seconds since 1970 (RFC 7519, 2: NumericDate); nullopt: it is not there.
Result<std::optional<double>> time_claim(const json::object& claims, std::string_view name) {
  const json::value* found = claims.if_contains(name);
  if (!found) return std::optional<double>();
  if (!found->is_number()) return no_claim(name, "must be a number of seconds");
  const auto seconds = found->to_number<double>();
  if (!(seconds >= 0 && seconds <= kLastSecond)) return no_claim(name, "must be a time");
  return std::optional(seconds);
}

WallTime wall_time(double seconds) {
  return WallTime{std::chrono::seconds(static_cast<std::int64_t>(seconds))};
}

// When the key that the token is expires.
Result<WallTime> check_times(const TokenRules& rules, const json::object& claims, WallTime now) {
  BOOST_OUTCOME_TRY(const auto expires, time_claim(claims, "exp"));
  if (!expires) return no_claim("exp", "must be there: a token that never ends is none");
  const WallTime end = wall_time(std::min(*expires, kLastSecond - 3600)) + rules.leeway;
  if (end <= now)
    return unauthorized(
        "token_expired",
        fmt::format("The token expired at {}: get a new one from its issuer.", rfc3339(wall_time(*expires))));
  for (const std::string_view name : {"nbf", "iat"}) {
    BOOST_OUTCOME_TRY(const auto begins, time_claim(claims, name));
    if (begins && wall_time(*begins) > now + rules.leeway)
      return unauthorized(
          "token_not_yet_valid",
          fmt::format("The token counts from {} on ({}), and here it is {}: a clock is wrong, or it "
                      "was sent too early.",
                      rfc3339(wall_time(*begins)), name, rfc3339(now)));
  }
  return end;
}

// For whom the token is, and by whom.
Result<> check_parties(const TokenRules& rules, const json::object& claims) {
  const json::value* issuer = claims.if_contains("iss");
  if (!issuer || *issuer != json::value(rules.issuer))
    return unauthorized("token_issuer", fmt::format("The token's issuer (iss) must be {}.", rules.issuer));
  const json::value* audience = claims.if_contains("aud");
  const bool is_named =
      audience &&
      (*audience == json::value(rules.audience) ||
       (audience->is_array() && std::find(audience->get_array().begin(), audience->get_array().end(),
                                          json::value(rules.audience)) != audience->get_array().end()));
  if (is_named) return success();
  return unauthorized("token_audience",
                      fmt::format("The token's audience (aud) must be {} or have it: this one is for others.",
                                  rules.audience));
}

Result<std::vector<std::string>> limit_claim(const json::object& claims, std::string_view name) {
  if (name.empty()) return std::vector<std::string>();
  BOOST_OUTCOME_TRY(auto names, words_claim(claims, name));
  if (names.empty()) return no_claim(name, "must name at least one");  // an empty list would be no limit
  return names;
}

Result<> set_claim(TokenRules& rules, std::string_view entry) {
  const std::size_t equals = std::min(entry.find('='), entry.size());
  const std::string_view what = entry.substr(0, equals);
  const std::string claim(entry.substr(std::min(equals + 1, entry.size())));
  std::string* const into = what == "scopes"   ? &rules.scopes_claim
                            : what == "name"   ? &rules.name_claim
                            : what == "queues" ? &rules.queues_claim
                            : what == "models" ? &rules.models_claim
                                               : nullptr;
  if (!into || claim.empty())
    return invalid("--jwt-claims",
                   fmt::format("'{}' must be scopes=CLAIM, name=CLAIM, queues=CLAIM or models=CLAIM", entry));
  *into = claim;
  return success();
}

}  // namespace
}  // namespace medsynth::api

template <>
struct medsynth::described::Rules<medsynth::api::Jwk> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};
template <>
struct medsynth::described::Rules<medsynth::api::Jwks> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};
template <>
struct medsynth::described::Rules<medsynth::api::JoseHeader> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};

namespace medsynth::api {

Result<TokenRules> token_rules(std::string issuer, std::string audience,
                               const std::vector<std::string>& claims, const std::vector<std::string>& scopes,
                               std::chrono::seconds leeway) {
  TokenRules rules{.issuer = std::move(issuer), .audience = std::move(audience), .leeway = leeway};
  if (rules.audience.empty())
    return invalid("--jwt-audience",
                   "is missing: without it, every token of the issuer would count, whomever it is for");
  for (const std::string& entry : claims) {
    BOOST_OUTCOME_TRY(set_claim(rules, entry));
  }
  for (const std::string& entry : scopes) {
    const std::size_t equals = entry.rfind('=');
    const auto scope = described::enum_from<Scope>(equals == entry.npos ? entry : entry.substr(equals + 1));
    if (!scope || equals == 0)
      return invalid(
          "--jwt-scopes",
          fmt::format("'{}' must be VALUE=SCOPE, where SCOPE is read, submit, operate or admin", entry));
    rules.scopes.emplace_back(entry.substr(0, equals), *scope);
  }
  return rules;
}

Result<KeySet> KeySet::parse(std::string_view text) {
  BOOST_OUTCOME_TRY(const auto set, described::parse<Jwks>(text));
  KeySet out;
  for (const json::value& each : set.keys) {
    if (out.keys_.size() == kMaxKeys) break;
    if (auto key = public_key(each)) out.keys_.push_back(std::move(*key));
  }
  if (out.keys_.empty())
    return invalid(
        "/keys",
        "has no public key for RS256, PS256, ES256 or EdDSA (RSA from 2048 bits on, P-256, Ed25519)");
  return out;
}

const KeySet::PublicKey* KeySet::find(std::string_view id, std::string_view algorithm) const {
  const Algorithm* wanted = find_algorithm(algorithm);
  const PublicKey* found = nullptr;
  for (const PublicKey& each : keys_) {
    const bool fits = wanted && each.kind == wanted->kind && each.id == id &&
                      (each.algorithm.empty() || each.algorithm == algorithm);
    if (!fits) continue;
    if (found) return nullptr;
    found = &each;
  }
  return found;
}

Result<TokenHeader> token_header(std::string_view token) {
  const auto parts = parts_of(token);
  const auto text = parts ? decode(parts->header) : std::nullopt;
  if (!text) return malformed();
  const auto header = described::parse<JoseHeader>(*text);
  if (!header) return malformed();
  if (!find_algorithm(header->alg) || header->crit)
    return unauthorized(
        "token_not_trusted",
        "The token must be signed with RS256, PS256, ES256 or EdDSA, and without extensions that must be "
        "understood (crit).");
  return TokenHeader{header->alg, header->kid.value_or("")};
}

Result<Key> verify_token(const TokenRules& rules, const KeySet& keys, std::string_view token, WallTime now) {
  BOOST_OUTCOME_TRY(const auto header, token_header(token));
  const Parts parts = *parts_of(token);
  const auto signature = decode(parts.signature), text = decode(parts.claims);
  if (!signature || !text) return malformed();
  const KeySet::PublicKey* key = keys.find(header.kid, header.alg);
  if (!key || !is_signed_by(*key, header.alg, parts.signed_text, *signature))
    return unauthorized("token_not_trusted", "No key of the issuer has signed this token.");
  const auto value = json::parse(*text);
  if (!value || !value->is_object()) return malformed();
  const json::object& claims = value->get_object();
  BOOST_OUTCOME_TRY(check_parties(rules, claims));
  BOOST_OUTCOME_TRY(const auto end, check_times(rules, claims, now));
  BOOST_OUTCOME_TRY(const auto subject, text_claim(claims, "sub"));
  BOOST_OUTCOME_TRY(auto name, text_claim(claims, rules.name_claim));
  BOOST_OUTCOME_TRY(const auto words, words_claim(claims, rules.scopes_claim));
  BOOST_OUTCOME_TRY(auto queues, limit_claim(claims, rules.queues_claim));
  BOOST_OUTCOME_TRY(auto models, limit_claim(claims, rules.models_claim));
  constexpr std::size_t kIdDigits = 12;
  Key out{.id = "jwt_" + sha256_hex(rules.issuer + '\n' + subject).substr(0, kIdDigits),
          .name = std::move(name),
          .queues = std::move(queues),
          .models = std::move(models),
          .expires_at = rfc3339(end),
          .of_issuer = true};
  for (const auto& [word, scope] : rules.scopes) {
    const bool has = std::find(words.begin(), words.end(), word) != words.end();
    if (has && std::find(out.scopes.begin(), out.scopes.end(), scope) == out.scopes.end())
      out.scopes.push_back(scope);
  }
  return out;
}

}  // namespace medsynth::api
