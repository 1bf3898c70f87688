// Dramatiq's rate limiters (Concurrent, Bucket, Window) on the keys of its Redis backend, so that actors of
// both languages obey one limit together. Each question is one script where Python watches keys.
//
//   const auto limit = concurrent_limit("mutex");
//   if (*client.run(acquire(limit, now))) { ...; client.run(release(limit)); }
//
// A key is taken as it is, without a namespace. On a cluster the key of a window needs a hash tag. Pure;
// actors use worker::Context::acquire().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "medsynth/base/clock.h"
#include "medsynth/redis/query.h"

namespace medsynth::dramatiq {

struct RateLimit {
  enum class Kind { concurrent, bucket, window } kind = Kind::concurrent;
  std::string key;
  std::int64_t limit = 1;
  std::chrono::milliseconds period{0};  // after which what was taken is free again
};
// At most `limit` at once. What a dead holder took is free `ttl` after the last one came or went.
RateLimit concurrent_limit(std::string key, std::int64_t limit = 1,
                           std::chrono::milliseconds ttl = std::chrono::milliseconds{900'000});
// At most `limit` in each interval of that length, counted from the epoch.
RateLimit bucket_limit(std::string key, std::int64_t limit = 1,
                       std::chrono::milliseconds bucket = std::chrono::milliseconds{1000});
// At most `limit` in any `window`.
RateLimit window_limit(std::string key, std::int64_t limit = 1,
                       std::chrono::seconds window = std::chrono::seconds{1});

// Whether there was room; then it is taken. `now` is the caller's clock, as in Python.
redis::Query<bool> acquire(const RateLimit& limit, WallTime now);
// For concurrent limits only: false when nothing was taken. Others free themselves.
redis::Query<bool> release(const RateLimit& limit);

// What was taken under a limit, given back when it is destroyed. Not thread safe.
class Permit {
 public:
  explicit Permit(std::function<void()> give_back) : give_back_(std::move(give_back)) {}
  Permit(Permit&& other) noexcept : give_back_(std::exchange(other.give_back_, nullptr)) {}
  Permit& operator=(Permit&& other) noexcept {
    std::swap(give_back_, other.give_back_);
    return *this;
  }
  ~Permit() {
    if (give_back_) give_back_();
  }

 private:
  std::function<void()> give_back_;
};

}  // namespace medsynth::dramatiq
