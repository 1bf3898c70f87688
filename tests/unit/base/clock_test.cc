#include "medsynth/base/clock.h"

#include <cstdint>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace medsynth {
namespace {

TEST(Rfc3339, WritesMicrosecondsInUtc) {
  EXPECT_EQ(rfc3339(WallTime{std::chrono::microseconds{0}}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(WallTime{std::chrono::microseconds{1'795'467'966'000'123}}),
            "2026-11-23T21:06:06.000123Z");
}

TEST(Rfc3339, ReadsWhatPythonWrites) {
  const auto utc = parse_rfc3339("2026-11-23T21:06:06.5Z");
  ASSERT_TRUE(utc);
  EXPECT_EQ(*parse_rfc3339("2026-11-23T22:06:06.500000+01:00"), *utc);
  EXPECT_EQ(*parse_rfc3339("2026-11-23 21:06:06.500000"), *utc);
}

TEST(Rfc3339, RefusesOtherText) {
  for (const char* text : {"", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z",
                           "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+1:00"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

RC_GTEST_PROP(Rfc3339, ReadsBackWhatItWrites, ()) {
  const WallTime time{std::chrono::microseconds{*rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000'000)}};
  const auto read = parse_rfc3339(rfc3339(time));
  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value() == time);
}

}  // namespace
}  // namespace medsynth
