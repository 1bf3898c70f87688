// So many requests in a time, as people write it, and the bucket that holds a caller to it. Pure: the time is an
// argument.
//
//   BOOST_OUTCOME_TRY(const Rate rate, parse_rate("--rate", "20/s"));
//   TokenBucket bucket;
//   const auto taken = bucket.take(rate, now);
//   if (!taken.allowed) refuse(taken.wait);
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/base/described.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

// Stored in the file of keys: frozen.
struct Rate {
  std::int64_t requests = 1;
  std::int64_t seconds = 1;
  bool operator==(const Rate&) const = default;
};
BOOST_DESCRIBE_STRUCT(Rate, (), (requests, seconds))

// "20/s", "600/m", "5000/h"; invalid_argument at `pointer`.
Result<Rate> parse_rate(std::string_view pointer, std::string_view text);
std::string rate_text(const Rate& rate);

// Holds as many tokens as the rate has requests, and fills evenly in its time: that many may come at once, and no
// more in the long run. A bucket that is full is as good as a new one.
class TokenBucket {
 public:
  struct Taken {
    bool allowed = true;
    std::int64_t left = 0;           // tokens
    std::chrono::seconds full_in{};  // rounded up
    std::chrono::seconds wait{};     // until there is a token, rounded up; 0 where one was taken
  };
  Taken take(const Rate& rate, SteadyTime now);
  bool is_full(SteadyTime now) const { return full_at_ <= now; }

 private:
  SteadyTime full_at_{};  // all there is to know of it
};

}  // namespace medsynth::api

template <>
struct medsynth::described::Rules<medsynth::api::Rate> {
  static constexpr std::array fields{Field{.name = "requests", .minimum = 1, .maximum = 1e6},
                                     Field{.name = "seconds", .minimum = 1, .maximum = 86400}};
};
