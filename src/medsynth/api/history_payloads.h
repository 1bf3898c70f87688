// What GET /v1/history takes and answers, described once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"
#include "medsynth/fleet/history.h"

namespace medsynth::api {

struct HistoryQuery {
  fleet::Span span = fleet::Span::hour;
};
BOOST_DESCRIBE_STRUCT(HistoryQuery, (), (span))

struct HistoryShown {
  std::string at;  // its begin
  std::int64_t ended = 0;
  std::int64_t failed = 0;
  std::int64_t started = 0;
  std::optional<double> mean_wait;  // seconds, of those that started
  std::optional<double> cpu_percent;
  std::optional<double> memory_percent;
};
BOOST_DESCRIBE_STRUCT(HistoryShown, (), (at, ended, failed, started, mean_wait, cpu_percent, memory_percent))

struct HistoryAnswer {
  fleet::Span span = fleet::Span::hour;
  std::int64_t step_seconds = 0;
  std::int64_t kept = 0;
  std::vector<HistoryShown> steps;  // by time; those in which no worker reported are left out
};
BOOST_DESCRIBE_STRUCT(HistoryAnswer, (), (span, step_seconds, kept, steps))

}  // namespace medsynth::api

namespace medsynth::described {
template <>
struct Rules<api::HistoryQuery> {
  static constexpr std::array fields{
      Field{.name = "span", .help = "hour (steps of 10 s) or day (of 5 min)", .optional = true}};
};
template <>
struct Rules<api::HistoryShown> {
  static constexpr std::array fields{
      Field{.name = "at", .help = "When the step began"},
      Field{.name = "ended", .help = "Runs of messages that ended"},
      Field{.name = "failed", .help = "Of these, those that failed"},
      Field{.name = "started", .help = "Messages that ran for the first time"},
      Field{.name = "mean_wait",
            .help = "Seconds that these had waited since they were sent; null: none started"},
      Field{.name = "cpu_percent", .help = "The highest of any machine; null: unknown"},
      Field{.name = "memory_percent", .help = "The same"}};
};
}  // namespace medsynth::described
