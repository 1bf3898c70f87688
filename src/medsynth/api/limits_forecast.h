// Which tasks that wait would start under other limits: from what the workers reported last. A forecast, not a promise:
// what a task takes beyond what it waits for is not known, and others start and end meanwhile. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/api/payloads.h"
#include "medsynth/api/waiting_view.h"

namespace medsynth::api {

struct LimitsForecast {
  std::int64_t would_start = 0;
  std::vector<std::string> tasks;  // some of them
};
BOOST_DESCRIBE_STRUCT(LimitsForecast, (), (would_start, tasks))

// `ready`: messages that no worker has fetched yet, by queue. Those that would start anyway are not counted.
LimitsForecast forecast_limits(const WaitingFacts& facts, const std::map<std::string, std::int64_t>& ready,
                               const LimitsChange& change);

}  // namespace medsynth::api
