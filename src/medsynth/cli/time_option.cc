#include "medsynth/cli/time_option.h"

#include <charconv>
#include <chrono>
#include <map>

namespace medsynth::cli {

Result<WallTime> time_of(const std::string& text, const std::string& option) {
  if (auto time = parse_rfc3339(text)) return time;
  double count = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, count);
  const std::map<char, double> seconds{{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
  const auto found = error == std::errc() && end - unit == 1 ? seconds.find(*unit) : seconds.end();
  constexpr double kLongest = 3.15e9;  // a hundred years
  if (found == seconds.end() || !(count >= 0) || count * found->second > kLongest)
    return invalid(option, "must be how long ago (90s, 15m, 2h, 7d) or a time like 2026-01-31T12:00:00Z");
  const auto ago = std::chrono::duration<double>(count * found->second);
  return system_clock().now() - std::chrono::duration_cast<std::chrono::microseconds>(ago);
}

}  // namespace medsynth::cli
