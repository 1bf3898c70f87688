// Sessions of people who have shown a key to the console once: from then on a cookie stands for it, which no script
// reads, and the browser keeps no key. In memory alone: a restart ends all. Not thread safe: the io_context's thread only.
//
//   std::string secret = sessions.begin(key, now);             // the cookie's value
//   if (auto key = sessions.find(secret, now)) ...             // what it may do now is for verify() to say
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "medsynth/api/keys.h"
#include "medsynth/base/clock.h"

namespace medsynth::api {

class ConsoleSessions {
 public:
  static constexpr std::chrono::hours kLifetime{12};  // a working day; nothing prolongs it
  static constexpr std::size_t kMax = 4096;  // beyond, and beyond kMaxOfKey of one key, the oldest ends
  static constexpr std::size_t kMaxOfKey = 64;

  // A new session of `key`; its secret has 256 random bits.
  std::string begin(std::shared_ptr<const Key> key, WallTime now);
  // The key that opened it; null: there is no such session, or its time is over.
  std::shared_ptr<const Key> find(std::string_view secret, WallTime now) const;
  WallTime end_of(std::string_view secret) const;  // precondition: find() finds it
  void end(std::string_view secret);
  std::size_t size() const { return sessions_.size(); }

 private:
  struct Session {
    std::shared_ptr<const Key> key;
    WallTime ends_at;
    std::uint64_t number;  // the oldest has the lowest
  };
  void make_room(const Key& key, WallTime now);

  std::unordered_map<std::string, Session> sessions_;  // by the SHA-256 of their secrets
  std::uint64_t begun_ = 0;
};

// The value of the cookie `name` in a Cookie header (RFC 6265, 4.2.1); "": there is none.
std::string_view cookie_value(std::string_view header, std::string_view name);

}  // namespace medsynth::api
