#include "medsynth/dramatiq/rate_limits.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/dramatiq/scripts.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;
using std::chrono::milliseconds;

Query<bool> whether(Command command) {
  return {{std::move(command)}, [](Replies replies) -> Result<Step<bool>> {
            BOOST_OUTCOME_TRY(auto n, redis::integer(replies[0]));
            return Step<bool>{n == 1};
          }};
}

// The counter that grows, then the others that count against the limit.
std::vector<std::string> counters(const RateLimit& limit, WallTime now) {
  const std::int64_t ms = millis(now), seconds = ms / 1000;
  if (limit.kind == RateLimit::Kind::concurrent) return {limit.key};
  if (limit.kind == RateLimit::Kind::bucket)
    return {fmt::format("{}@{}", limit.key, ms - ms % limit.period.count())};
  std::vector<std::string> keys;
  for (std::int64_t back = 0; back < limit.period.count() / 1000; ++back)
    keys.push_back(fmt::format("{}@{}", limit.key, seconds - back));
  return keys;
}

}  // namespace

RateLimit concurrent_limit(std::string key, std::int64_t limit, milliseconds ttl) {
  return {RateLimit::Kind::concurrent, std::move(key), limit, std::max(ttl, milliseconds(1))};
}

RateLimit bucket_limit(std::string key, std::int64_t limit, milliseconds bucket) {
  return {RateLimit::Kind::bucket, std::move(key), limit, std::max(bucket, milliseconds(1))};
}

RateLimit window_limit(std::string key, std::int64_t limit, std::chrono::seconds window) {
  return {RateLimit::Kind::window, std::move(key), limit, std::max(window, std::chrono::seconds(1))};
}

Query<bool> acquire(const RateLimit& limit, WallTime now) {
  return whether(Command::eval(scripts::limit_take, counters(limit, now),
                               {std::to_string(limit.limit), std::to_string(limit.period.count())}));
}

Query<bool> release(const RateLimit& limit) {
  return whether(Command::eval(scripts::limit_give, {limit.key}, {std::to_string(limit.period.count())}));
}

}  // namespace medsynth::dramatiq
