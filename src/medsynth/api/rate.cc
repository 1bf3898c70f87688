#include "medsynth/api/rate.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace medsynth::api {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t seconds;
};
constexpr std::array kUnits{Unit{"s", 1}, Unit{"m", 60}, Unit{"h", 3600}};
constexpr std::int64_t kMaxRequests = 1'000'000;

}  // namespace

Result<Rate> parse_rate(std::string_view pointer, std::string_view text) {
  Rate rate;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, rate.requests);
  const std::string_view rest(at, static_cast<std::size_t>(end - at));
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& each) {
    return rest.size() == each.name.size() + 1 && rest[0] == '/' && rest.substr(1) == each.name;
  });
  if (error != std::errc{} || rate.requests < 1 || rate.requests > kMaxRequests || unit == kUnits.end())
    return invalid(std::string(pointer),
                   "must be a number of requests, 1 to 1000000, and a time: 20/s, 600/m or 5000/h");
  rate.seconds = unit->seconds;
  return rate;
}

std::string rate_text(const Rate& rate) {
  for (const Unit& unit : kUnits)
    if (unit.seconds == rate.seconds) return fmt::format("{}/{}", rate.requests, unit.name);
  return fmt::format("{} in {} s", rate.requests, rate.seconds);
}

// The generic cell rate algorithm: each token taken moves the time at which the bucket is full by its share.
TokenBucket::Taken TokenBucket::take(const Rate& rate, SteadyTime now) {
  using std::chrono::nanoseconds;
  const auto up = [](nanoseconds time) { return std::chrono::ceil<std::chrono::seconds>(time); };
  const nanoseconds whole = std::chrono::seconds(rate.seconds), each = whole / rate.requests;
  const nanoseconds missing = std::max(full_at_, now) - now;
  const nanoseconds free = whole - missing - each;
  if (free.count() < 0) return {.allowed = false, .full_in = up(missing), .wait = up(-free)};
  full_at_ = now + missing + each;
  return {.left = free / each, .full_in = up(missing + each)};
}

}  // namespace medsynth::api
