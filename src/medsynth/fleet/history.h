// What happened in the last hour and the last day, in steps: how many runs ended and failed, how long tasks waited, how busy
// the machines were. Kept in Redis in as many steps as there are (fleet.h); here is what workers add. Pure.
//
//   const Tally now = totals_of(snapshot.metrics);
//   client.run(fleet.publish(snapshot, since(before, now)));
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/clock.h"

namespace medsynth::fleet {

struct Sample;

// Of some seconds, at one worker or at all of them. Stored in this order: frozen.
struct Tally {
  std::int64_t ended = 0;                  // runs of messages
  std::int64_t failed = 0;                 // of these
  std::int64_t started = 0;                // messages that ran for the first time
  double waited = 0;                       // seconds from when those were enqueued, together
  std::optional<double> cpu_percent = {};  // the highest; absent: unknown
  std::optional<double> memory_percent = {};
};

enum class Span { hour, day };
BOOST_DESCRIBE_ENUM(Span, hour, day)

// How a span is divided: its steps are counted from 1970.
struct Division {
  std::string_view key;  // of Redis, behind the fleet's
  std::chrono::seconds step;
  std::int64_t kept;
};
constexpr Division division_of(Span span) {
  using namespace std::chrono_literals;
  return span == Span::hour ? Division{"history:hour", 10s, 360} : Division{"history:day", 300s, 288};
}

struct HistoryStep {
  WallTime at;  // its begin
  Tally tally;
};

// What a worker has counted since it started, from its metrics.
Tally totals_of(const std::vector<Sample>& metrics);
// What was added since `before`; the percents are those of `now`.
Tally since(const Tally& before, const Tally& now);

// A step as it is stored; nullopt for what is none.
std::optional<HistoryStep> read_step(std::string_view text, std::chrono::seconds step);

}  // namespace medsynth::fleet
