// Keys: who may call the API, what a call needs, and whether a key may make it. Pure but for make_key(), which
// draws random bytes.
//
//   NewKey made = make_key({.name = "ci", .scopes = {Scope::submit}}, now);   // made.token is shown this once
//   ...
//   BOOST_OUTCOME_TRY(auto key, verify(keys, authorization, now));            // 401: who asks is not known
//   BOOST_OUTCOME_TRY(allow(*key, Scope::operate));                           // 403: it may not do that
//
// A token is "medsynth_ID_SECRET": 12 and 64 hexadecimal digits. Its secret has 256 random bits, so nobody can
// guess it from its hash, and one salted SHA-256 is enough; a slow hash is for passwords.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/api/callers.h"
#include "medsynth/base/clock.h"
#include "medsynth/base/described.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

// What a key may do. No scope holds another, but for admin, which holds all.
enum class Scope {
  read,     // tasks with their results, queues, dead letters, models, use
  submit,   // tasks, messages, files of references, labels
  operate,  // cancel and delete tasks, pause and purge queues, replay dead letters, unload models
  admin     // limits
};
BOOST_DESCRIBE_ENUM(Scope, read, submit, operate, admin)

// What a call needs. There is no default: a route that does not say does not compile.
class Access {
 public:
  constexpr Access(Scope scope) : scope_(scope) {}
  static const Access open;     // nothing
  static const Access any_key;  // a key, whatever it may do
  static const Access metrics;  // read, unless ServerOptions::metrics_open

  constexpr Scope scope() const { return scope_; }  // precondition: neither open nor any_key
  constexpr bool operator==(const Access&) const = default;

 private:
  enum class Kind { scoped, open, any_key, metrics };
  constexpr explicit Access(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::scoped;
  Scope scope_ = Scope::read;
};
inline constexpr Access Access::open{Access::Kind::open};
inline constexpr Access Access::any_key{Access::Kind::any_key};
inline constexpr Access Access::metrics{Access::Kind::metrics};

// Stored in the file of keys: frozen. Times as rfc3339().
struct Key {
  std::string id;
  std::string name;
  std::string salt;
  std::string hash;  // sha256_hex(salt + secret)
  std::vector<Scope> scopes;
  std::vector<std::string> queues;  // that it may submit to and change; empty: any
  std::vector<std::string> models;  // that it may name in what it submits; empty: any
  CallerLimits limits;
  std::string created_at;
  std::optional<std::string> expires_at;
  std::optional<std::string> revoked_at;
  std::optional<std::string>
      certificate;         // SHA-256 of the client's that opens instead of a secret, which nobody has
  bool of_issuer = false;  // not stored: the key is a token of an issuer (jwt.h), and in no file
};
BOOST_DESCRIBE_STRUCT(Key, (),
                      (id, name, salt, hash, scopes, queues, models, limits, created_at, expires_at,
                       revoked_at, certificate))

struct Keys {
  std::vector<Key> keys;
  bool empty() const { return keys.empty(); }
};
BOOST_DESCRIBE_STRUCT(Keys, (), (keys))

// The file's text; invalid_argument names what is wrong. A newer version's members pass, its scopes do not: what
// they allow is not known here.
Result<Keys> read_keys(std::string_view text);

// What a new key is asked to be.
struct KeyRequest {
  std::string name;
  std::vector<Scope> scopes;
  std::vector<std::string> queues = {};
  std::vector<std::string> models = {};
  CallerLimits limits = {};
  std::optional<std::chrono::seconds> lifetime = std::nullopt;  // none: it does not expire
  std::optional<std::string> certificate = std::nullopt;        // as in Key
};

struct NewKey {
  Key key;
  std::string token;  // the only copy; "" where a certificate opens
};
NewKey make_key(const KeyRequest& request, WallTime now);

enum class KeyState { active, expired, revoked };
BOOST_DESCRIBE_ENUM(KeyState, active, expired, revoked)
KeyState state_of(const Key& key, WallTime now);

// What an Authorization header carries: "Bearer TOKEN", the scheme in any case (RFC 9110, 11.1). "": it carries nothing.
std::string_view bearer_token(std::string_view authorization);
// Whether that is a key of ours, by its beginning, and not a token of somebody else's.
bool is_own_token(std::string_view token);

// By what metrics name a key: its name. Tokens of an issuer share "jwt": there may be one for each person.
std::string_view metric_label(const Key& key);

// The id of the key that an Authorization header claims to be, "" where it has none: no secret, and not yet verified.
std::string_view claimed_id(std::string_view authorization);

// What a caller shows.
struct Credentials {
  std::string_view authorization;     // the header's value; ""; none
  std::string_view certificate = "";  // SHA-256 of the client's certificate, which was verified; "": none
  std::shared_ptr<const Key> session = nullptr;  // the key that opened the session of a cookie
};

// The key that a caller shows: by the header where there is one, else by the session, else by the certificate. What
// opened a session counts as the keys are now. not_allowed: "key_required" (none of them), "key_malformed", "key_unknown", "certificate_unknown", "key_expired", "key_revoked"; HTTP
// answers 401.
Result<std::shared_ptr<const Key>> verify(const std::shared_ptr<const Keys>& keys, const Credentials& shown,
                                          WallTime now);

// not_allowed, with what to do: "scope_required", "queue_not_allowed", "model_not_allowed". A null key is a call
// that needed none, and may do everything.
Result<> allow(const Key& key, Scope scope);
// `queue` "": more than one, or of no known one.
Result<> allow_queue(const Key* key, std::string_view queue);
// Of a submission that says which model it uses, nullopt where it leaves that to the server.
Result<> allow_model(const Key* key, const std::optional<std::string>& model);

}  // namespace medsynth::api

template <>
struct medsynth::described::Rules<medsynth::api::Key> {
  static constexpr bool open = true;
  static constexpr std::array fields{Field{.name = "id", .min_size = 12, .max_size = 12},
                                     Field{.name = "salt", .min_size = 32, .max_size = 32},
                                     Field{.name = "hash", .min_size = 64, .max_size = 64},
                                     Field{.name = "limits", .optional = true},
                                     Field{.name = "certificate", .min_size = 64, .max_size = 64}};
};
template <>
struct medsynth::described::Rules<medsynth::api::Keys> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};
