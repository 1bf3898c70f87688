#include "medsynth/base/clock.h"

#include <time.h>

#include <cctype>
#include <cstdint>

namespace medsynth {
namespace {

using namespace std::chrono;

class SystemClock final : public Clock {
 public:
  WallTime now() const override { return time_point_cast<microseconds>(std::chrono::system_clock::now()); }
  SteadyTime steady() const override { return steady_clock::now(); }
  // The clock of steady_clock, as the kernel last wrote it down.
  SteadyTime coarse_steady() const override { return read(CLOCK_MONOTONIC_COARSE); }
  SteadyTime elapsed() const override { return read(CLOCK_BOOTTIME); }

 private:
  static SteadyTime read(clockid_t which) {
    timespec time{};
    ::clock_gettime(which, &time);
    return SteadyTime{seconds{time.tv_sec} + nanoseconds{time.tv_nsec}};
  }
};

// Reads exactly `digits` digits at `at` and moves past them; -1 when they are not there.
int read_digits(std::string_view text, std::size_t& at, std::size_t digits) {
  if (at + digits > text.size()) return -1;
  int value = 0;
  for (std::size_t end = at + digits; at < end; ++at) {
    if (text[at] < '0' || text[at] > '9') return -1;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

bool skip(std::string_view text, std::size_t& at, std::string_view any_of) {
  if (at >= text.size() || any_of.find(text[at]) == std::string_view::npos) return false;
  ++at;
  return true;
}

microseconds read_fraction(std::string_view text, std::size_t& at) {
  std::int64_t value = 0, scale = 1'000'000;
  for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])); ++at) {
    if (scale > 1) {
      scale /= 10;
      value += (text[at] - '0') * scale;
    }
  }
  return microseconds{value};
}

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

ManualClock::ManualClock(WallTime start) : wall_(start.time_since_epoch().count()) {}
WallTime ManualClock::now() const {
  return WallTime{microseconds{wall_.load()}};
}
SteadyTime ManualClock::steady() const {
  return SteadyTime{duration_cast<SteadyTime::duration>(microseconds{steady_.load()})};
}
void ManualClock::advance(microseconds by) {
  wall_ += by.count();
  steady_ += by.count();
}
void ManualClock::set(WallTime wall) {
  wall_ = wall.time_since_epoch().count();
}

std::string rfc3339(WallTime time) {
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  // By hand: every write of a record has one, and a formatted one takes ten times as long.
  std::string text = "0000-00-00T00:00:00.000000Z";
  const auto put = [&](std::size_t at, int digits, auto value) {
    for (auto rest = static_cast<std::uint64_t>(value); digits > 0; rest /= 10)
      text[at + static_cast<std::size_t>(--digits)] = static_cast<char>('0' + rest % 10);
  };
  put(0, 4, static_cast<int>(date.year()));
  put(5, 2, static_cast<unsigned>(date.month()));
  put(8, 2, static_cast<unsigned>(date.day()));
  put(11, 2, clock.hours().count());
  put(14, 2, clock.minutes().count());
  put(17, 2, clock.seconds().count());
  put(20, 6, clock.subseconds().count());
  return text;
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  const auto wrong = [&] { return invalid("", "not an RFC 3339 time such as 2026-01-31T12:00:00.000000Z"); };
  std::size_t at = 0;
  const int year_value = read_digits(text, at, 4);
  const bool dash1 = skip(text, at, "-");
  const int month_value = read_digits(text, at, 2);
  const bool dash2 = skip(text, at, "-");
  const int day_value = read_digits(text, at, 2);
  const bool middle = skip(text, at, "Tt ");
  const int hour = read_digits(text, at, 2);
  const bool colon1 = skip(text, at, ":");
  const int minute = read_digits(text, at, 2);
  const bool colon2 = skip(text, at, ":");
  const int second = read_digits(text, at, 2);
  if (!(dash1 && dash2 && middle && colon1 && colon2)) return wrong();
  const year_month_day date{year{year_value}, month{static_cast<unsigned>(month_value)},
                            day{static_cast<unsigned>(day_value)}};
  if (year_value < 0 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60)
    return wrong();
  WallTime time = sys_days{date} + hours{hour} + minutes{minute} + seconds{second};
  if (skip(text, at, ".")) time += read_fraction(text, at);
  if (at == text.size() || (skip(text, at, "Zz") && at == text.size())) return time;
  const bool east = text[at] == '+';
  if (!skip(text, at, "+-")) return wrong();
  const int offset_hours = read_digits(text, at, 2);
  const bool colon3 = skip(text, at, ":");
  const int offset_minutes = read_digits(text, at, 2);
  if (!colon3 || offset_hours < 0 || offset_minutes < 0 || at != text.size()) return wrong();
  const auto offset = hours{offset_hours} + minutes{offset_minutes};
  return east ? time - offset : time + offset;
}

}  // namespace medsynth
