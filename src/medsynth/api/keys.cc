#include "medsynth/api/keys.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/base/id.h"
#include "medsynth/base/random.h"

namespace medsynth::api {
namespace {

constexpr std::string_view kTokenPrefix = "medsynth_";
constexpr std::int64_t kKeysFormat = 1;  // of a file that does not say
constexpr std::size_t kIdBytes = 6, kSaltBytes = 16, kSecretBytes = 32;

bool is_hex(std::string_view text, std::size_t bytes) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == 2 * bytes && std::all_of(text.begin(), text.end(), digit);
}

struct Token {
  std::string_view id, secret;
};

// "Bearer medsynth_ID_SECRET".
std::optional<Token> token_of(std::string_view authorization) {
  std::string_view token = bearer_token(authorization);
  if (!is_own_token(token)) return std::nullopt;
  token.remove_prefix(kTokenPrefix.size());
  const std::size_t mark = std::min(token.find('_'), token.size());
  const Token parts{token.substr(0, mark), token.substr(std::min(mark + 1, token.size()))};
  if (!is_hex(parts.id, kIdBytes) || !is_hex(parts.secret, kSecretBytes)) return std::nullopt;
  return parts;
}

bool is_secret_of(const Key& key, std::string_view secret) {
  const std::string hash = sha256_hex(key.salt + std::string(secret));
  return hash.size() == key.hash.size() && CRYPTO_memcmp(hash.data(), key.hash.data(), hash.size()) == 0;
}

Error unauthorized(std::string reason, std::string message) {
  return {Code::not_allowed, std::move(message), std::move(reason)};
}

constexpr std::string_view kMakeOne =
    "on the server's machine, 'medsynth keys create NAME --scope read,submit' makes one";

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The newest of that certificate: older ones have ended.
Result<const Key*> by_certificate(const Keys& keys, std::string_view certificate) {
  if (certificate.empty())
    return unauthorized(
        "key_required",
        fmt::format("This call needs a key: send it as 'Authorization: Bearer KEY', or log in "
                    "with 'medsynth login'; {}.",
                    kMakeOne));
  const auto found = std::find_if(keys.keys.rbegin(), keys.keys.rend(),
                                  [&](const Key& each) { return each.certificate == certificate; });
  if (found == keys.keys.rend())
    return unauthorized(
        "certificate_unknown",
        fmt::format("No key of this server is for the client's certificate (SHA-256 {}); {} with "
                    "--certificate FILE.",
                    certificate, kMakeOne));
  return &*found;
}

Result<const Key*> by_token(const Keys& keys, std::string_view authorization) {
  const auto token = token_of(authorization);
  if (!token)
    return unauthorized("key_malformed",
                        "The Authorization header has no key of this server: it must be one header, 'Bearer' "
                        "and a key that 'medsynth keys create' has shown, which begins with medsynth_.");
  const auto found =
      std::find_if(keys.keys.begin(), keys.keys.end(), [&](const Key& each) { return each.id == token->id; });
  if (found == keys.keys.end() || !is_secret_of(*found, token->secret))
    return unauthorized("key_unknown", fmt::format("This server does not know that key; {}.", kMakeOne));
  return &*found;
}

Result<const Key*> by_session(const Keys& keys, const Key& opened_by) {
  if (opened_by.of_issuer) return &opened_by;
  const auto found = std::find_if(keys.keys.begin(), keys.keys.end(),
                                  [&](const Key& each) { return each.id == opened_by.id; });
  if (found == keys.keys.end())
    return unauthorized("key_unknown", fmt::format("The key '{}', which opened this session, is gone; {}.",
                                                   opened_by.name, kMakeOne));
  return &*found;
}

Result<const Key*> shown_key(const Keys& keys, const Credentials& shown) {
  if (!shown.authorization.empty()) return by_token(keys, shown.authorization);
  return shown.session ? by_session(keys, *shown.session) : by_certificate(keys, shown.certificate);
}

bool is_past(const std::optional<std::string>& time, WallTime now) {
  return time && *parse_rfc3339(*time) <= now;
}

}  // namespace

Result<Keys> read_keys(std::string_view text) {
  BOOST_OUTCOME_TRY(const auto value, json::parse(text));
  // A newer version may limit keys in a way that is not known here: then this one must not let them in.
  const json::value* format = value.is_object() ? value.get_object().if_contains("format") : nullptr;
  if (format && *format != kKeysFormat)
    return invalid("/format", fmt::format("a newer version of Medsynth wrote it; this one knows format {}",
                                          kKeysFormat));
  BOOST_OUTCOME_TRY(auto keys, described::from_value<Keys>(value));
  for (std::size_t i = 0; i < keys.keys.size(); ++i) {
    for (const auto& time : {keys.keys[i].expires_at, keys.keys[i].revoked_at})
      if (time && !parse_rfc3339(*time))
        return invalid(fmt::format("/keys/{}", i),
                       "expires_at and revoked_at must be times such as 2027-01-31T00:00:00Z");
  }
  return keys;
}

NewKey make_key(const KeyRequest& request, WallTime now) {
  NewKey made{.key = {.id = random_hex(kIdBytes),
                      .name = request.name,
                      .salt = random_hex(kSaltBytes),
                      .hash = "",
                      .scopes = request.scopes,
                      .queues = request.queues,
                      .models = request.models,
                      .limits = request.limits,
                      .created_at = rfc3339(now),
                      .expires_at = std::nullopt,
                      .revoked_at = std::nullopt,
                      .certificate = request.certificate},
              .token = ""};
  if (request.lifetime) made.key.expires_at = rfc3339(now + *request.lifetime);
  const std::string secret = random_hex(kSecretBytes);
  made.key.hash = sha256_hex(made.key.salt + secret);
  if (!request.certificate) made.token = fmt::format("{}{}_{}", kTokenPrefix, made.key.id, secret);
  return made;
}

KeyState state_of(const Key& key, WallTime now) {
  if (is_past(key.revoked_at, now)) return KeyState::revoked;
  return is_past(key.expires_at, now) ? KeyState::expired : KeyState::active;
}

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return "";
  const bool bearer =
      std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                 [](char wanted, unsigned char given) { return wanted == std::tolower(given); });
  std::string_view token = authorization.substr(kScheme.size());
  while (token.starts_with(' ')) token.remove_prefix(1);
  return bearer ? token : "";
}

bool is_own_token(std::string_view token) {
  return token.starts_with(kTokenPrefix);
}

std::string_view metric_label(const Key& key) {
  return key.of_issuer ? std::string_view("jwt") : key.name;
}

std::string_view claimed_id(std::string_view authorization) {
  const auto token = token_of(authorization);
  return token ? token->id : std::string_view();
}

Result<std::shared_ptr<const Key>> verify(const std::shared_ptr<const Keys>& keys, const Credentials& shown,
                                          WallTime now) {
  BOOST_OUTCOME_TRY(const Key* found, shown_key(*keys, shown));
  switch (state_of(*found, now)) {
    case KeyState::revoked:
      return unauthorized("key_revoked", fmt::format("The key '{}' was revoked; {}.", found->name, kMakeOne));
    case KeyState::expired:
      return unauthorized("key_expired", fmt::format("The key '{}' expired at {}; {}.", found->name,
                                                     *found->expires_at, kMakeOne));
    case KeyState::active:
      break;
  }
  return found == shown.session.get() ? shown.session : std::shared_ptr<const Key>(keys, found);
}

Result<> allow(const Key& key, Scope scope) {
  for (const Scope each : key.scopes)
    if (each == scope || each == Scope::admin) return success();
  std::vector<std::string_view> has;
  for (const Scope each : key.scopes) has.push_back(described::enum_name(each));
  if (has.empty()) has.emplace_back("none");
  return Error{
      Code::not_allowed,
      fmt::format("The key '{}' has the scope {}, and this call needs {}: use a key with that scope.",
                  key.name, fmt::join(has, ", "), described::enum_name(scope)),
      "scope_required"};
}

Result<> allow_queue(const Key* key, std::string_view queue) {
  if (!key || key->queues.empty() || contains(key->queues, queue)) return success();
  return Error{Code::not_allowed,
               fmt::format("The key '{}' is limited to the queues {}, and this call is about {}.", key->name,
                           fmt::join(key->queues, ", "), queue.empty() ? "more than those" : queue),
               "queue_not_allowed"};
}

Result<> allow_model(const Key* key, const std::optional<std::string>& model) {
  if (!key || key->models.empty() || (model && contains(key->models, *model))) return success();
  return Error{Code::not_allowed,
               fmt::format("The key '{}' is limited to the models {}: it may submit only what names one of "
                           "them (language_model, entailment_model, model_name).",
                           key->name, fmt::join(key->models, ", ")),
               "model_not_allowed"};
}

}  // namespace medsynth::api
