// What each caller takes of the server, so that none can stop the others: requests in a time, requests under way,
// and the bytes that these hold. A caller is a key, or an address where no key counts. Not thread safe: the
// io_context's thread only.
//
//   Callers callers;
//   auto turn = callers.enter({key->id, "The key 'ci'", key->limits}, now);
//   if (!turn) return turn.error();                        // 429
//   if (!(*turn)->hold(body.size())) return (*turn)->too_many_bytes();
//
// Callers that have nothing under way and whose bucket is full are forgotten when there are many. When all of kMax
// are busy, those that come then share one place: nobody can make the server remember more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "medsynth/api/bytes_in_flight.h"
#include "medsynth/api/rate.h"
#include "medsynth/base/described.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

// Stored in the file of keys: frozen. Absent: the server's own bounds alone.
struct CallerLimits {
  std::optional<Rate> rate;
  std::optional<std::int64_t> concurrent;  // requests under way, with those that wait and streams of events
  std::optional<std::int64_t> bytes_in_flight;  // of their bodies and answers
  std::optional<std::int64_t> queue_length;     // messages that its submissions may leave on a queue
  bool empty() const { return !rate && !concurrent && !bytes_in_flight && !queue_length; }
};
BOOST_DESCRIBE_STRUCT(CallerLimits, (), (rate, concurrent, bytes_in_flight, queue_length))

std::string limits_text(const CallerLimits& limits);  // "20/s, 8 at once"; "" where there is none

class Callers {
 public:
  static constexpr std::size_t kMax = 4096;  // as many as there may be connections

  struct Caller {
    std::string id;     // no two callers have the same
    std::string shown;  // "The key 'ci'", "The address 10.0.0.7"
    CallerLimits limits = {};
  };

 private:
  struct State {
    explicit State(std::size_t max_bytes) : bytes(max_bytes) {}
    TokenBucket bucket;
    std::int64_t under_way = 0;
    BytesInFlight bytes;
  };

 public:
  // One request under way; its place is free again when it goes.
  class Turn {
   public:
    Turn(const Caller& caller, State& state) : caller_(caller), state_(state), share_(state.bytes) {
      ++state_.under_way;
    }
    ~Turn() { --state_.under_way; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // As BytesInFlight::Share::hold().
    bool hold(std::size_t bytes) { return share_.hold(bytes); }
    Error too_many_bytes() const;  // "bytes_exceeded"
    // The caller's rate and what is left of it; nullopt where it has none.
    std::optional<TokenBucket::Taken> taken() const { return taken_; }
    const CallerLimits& limits() const { return caller_.limits; }

   private:
    friend class Callers;
    const Caller caller_;
    State& state_;
    BytesInFlight::Share share_;
    std::optional<TokenBucket::Taken> taken_;
  };

  // A place for one more request; this lives longer. exhausted, with when to come back: "rate_exceeded",
  // "concurrency_exceeded".
  Result<std::unique_ptr<Turn>> enter(const Caller& caller, SteadyTime now);
  std::size_t size() const { return states_.size(); }

 private:
  State& state_of(const Caller& caller, SteadyTime now);

  std::unordered_map<std::string, State> states_;
  SteadyTime forget_again_{};
};

// Who has an address, as far as it tells callers apart: of IPv6 the network, /64, of which each has one.
std::string address_group(std::string_view address);

}  // namespace medsynth::api

template <>
struct medsynth::described::Rules<medsynth::api::CallerLimits> {
  static constexpr bool open = true;
  static constexpr std::array fields{Field{.name = "concurrent", .minimum = 1},
                                     Field{.name = "bytes_in_flight", .minimum = 1},
                                     Field{.name = "queue_length", .minimum = 1}};
};
