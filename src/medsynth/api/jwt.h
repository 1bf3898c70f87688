// Tokens of an issuer (JSON Web Tokens, RFC 7519) as keys: their signature by the issuer's public keys (JWK sets,
// RFC 7517), then their claims. Pure; OpenSSL does the cryptography.
//
//   BOOST_OUTCOME_TRY(const auto keys, KeySet::parse(text));
//   BOOST_OUTCOME_TRY(const Key key, verify_token(rules, keys, token, now));   // 401: it does not count
//   BOOST_OUTCOME_TRY(allow(key, Scope::operate));
//
// RS256, PS256, ES256 (P-256) and EdDSA (Ed25519) count, each only with a key of its own kind. Never "none", and
// never an HMAC, which would take a public key for a secret.
#pragma once

#include <openssl/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medsynth/api/keys.h"
#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

// What a token must say, and what that means here.
struct TokenRules {
  std::string issuer;    // iss
  std::string audience;  // aud, or one of it
  std::string scopes_claim = "scope";
  std::string name_claim = "sub";
  std::string queues_claim = "";  // "": of any queue; else a token without it is refused
  std::string models_claim = "";  // the same of models
  std::vector<std::pair<std::string, Scope>> scopes = {};  // what is one in the claim of the scopes
  std::chrono::seconds leeway{30};
};
// `claims` are entries "scopes=CLAIM", "name=CLAIM", "queues=CLAIM", "models=CLAIM"; `scopes` entries "VALUE=SCOPE", or the
// name of a scope for itself. invalid_argument at "--jwt-audience", "--jwt-claims", "--jwt-scopes".
Result<TokenRules> token_rules(std::string issuer, std::string audience,
                               const std::vector<std::string>& claims, const std::vector<std::string>& scopes,
                               std::chrono::seconds leeway);

// The public keys of an issuer.
class KeySet {
 public:
  enum class Kind { rsa, p256, ed25519 };
  struct PublicKey {
    std::string id;         // kid; "": it has none
    std::string algorithm;  // alg, the only one that it is for; "": each of its kind
    Kind kind;
    std::shared_ptr<EVP_PKEY> key;
  };

  // Keys of other kinds, for encryption, and of RSA below 2048 bits are passed over. invalid_argument: it is no JWK
  // set, or has none that could sign a token.
  static Result<KeySet> parse(std::string_view text);

  // The key that is meant: by its id, and where neither has one, the only one of its kind. Null: none, or several.
  const PublicKey* find(std::string_view id, std::string_view algorithm) const;
  std::size_t size() const { return keys_.size(); }

 private:
  std::vector<PublicKey> keys_;
};

// What of a token names the key that signed it; nothing is verified yet.
struct TokenHeader {
  std::string alg;
  std::string kid = "";
};
// not_allowed: "token_malformed"; "token_not_trusted": an algorithm that never counts, or extensions that must be understood.
Result<TokenHeader> token_header(std::string_view token);

// The key that a token is: its id is "jwt_" and twelve digits, of the issuer and the subject; it expires with the
// token. not_allowed: as token_header(); "token_not_trusted" (no key of the set signed it); "token_issuer",
// "token_audience", "token_expired", "token_not_yet_valid", "token_claim" (one is missing, or of another type).
Result<Key> verify_token(const TokenRules& rules, const KeySet& keys, std::string_view token, WallTime now);

}  // namespace medsynth::api
