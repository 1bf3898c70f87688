// An issuer of tokens whose keys are fetched, and fetched anew, on a thread of its own ("ms-issuer"): asking for a
// key of a token never waits for it. Thread safe.
//
//   Issuer issuer({.rules = rules, .fetch = [&](auto stop) { return get(url, stop); }});
//   auto key = issuer.verify(token, now);   // 401, or 503 as long as the issuer's keys are not known
//
// Keys are fetched every ten minutes, and at once where a token names one that is not known: so a new key counts with
// its first token. What the issuer said last counts for a day when it is away.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "medsynth/api/jwt.h"
#include "medsynth/base/mutex.h"

namespace medsynth::api {

struct IssuerOptions {
  TokenRules rules = {};
  // The issuer's JWK set. It may take its time, and ends when it is asked to stop. Null: there is no issuer.
  std::function<Result<std::string>(std::stop_token)> fetch = {};
  std::filesystem::path file = {};         // that `fetch` reads; "": an address
  std::chrono::milliseconds pause{5'000};  // between two fetches, whatever tokens name
  std::chrono::milliseconds refresh{600'000};
};

class Issuer {
 public:
  // Begins to fetch. Requires `fetch`.
  explicit Issuer(IssuerOptions options);
  ~Issuer();  // stops a fetch under way

  // The key that a token is; errors as of verify_token(), and unavailable: "issuer_unavailable" (with why its keys
  // are not known), "issuer_keys_pending" (they are being fetched: once more in a moment).
  Result<std::shared_ptr<const Key>> verify(std::string_view token, WallTime now);
  // Fetches as soon as the pause allows.
  void refresh();

 private:
  void run(const std::stop_token& stop);
  void fetch(const std::stop_token& stop);

  const IssuerOptions options_;
  std::string said_;  // the problem that the log has; the thread's own
  Mutex mutex_;
  std::condition_variable_any changed_;
  bool wanted_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<const KeySet> keys_ GUARDED_BY(mutex_);  // null: none yet
  SteadyTime fetched_at_ GUARDED_BY(mutex_) = {};          // `keys_`
  std::string problem_ GUARDED_BY(mutex_);  // of the last fetch; "": it went well, or there was none
  std::jthread thread_;
};

}  // namespace medsynth::api
