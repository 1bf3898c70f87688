#include "medsynth/base/text.h"

#include <string>

#include <gtest/gtest.h>

namespace medsynth {
namespace {

// What would move the cursor, colour, hide or reorder is shown as its number; the rest stays.
TEST(PrintableTest, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(printable("box\nroot\t\x1b[31m\r"), "box\\nroot\\t\\x1b[31m\\x0d");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m\x7F"),
            "\\x9b31m\\x7f");
  EXPECT_EQ(printable("a\xE2\x80\xAE"
                      "b\xEF\xBB\xBF"),
            "a\\u202eb\\ufeff");
  EXPECT_EQ(printable("\u061ca\U000e0041"), "\\u061ca\\ue0041");
  EXPECT_EQ(printable("\xFF\xC2"), "\\xff\\xc2");
  EXPECT_EQ(printable("TGF-β, 50 µg, 日本 \U0001F600"), "TGF-β, 50 µg, 日本 \U0001F600");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "\\x00x");
}

// A key of the API keeps its id, wherever it stands; what only looks a little like one stays.
TEST(WithoutKeysTest, HidesTheSecret) {
  const std::string id(12, 'a'), secret(64, 'b');
  EXPECT_EQ(without_keys("x/medsynth_" + id + "_" + secret + "/y"), "x/medsynth_" + id + "_***/y");
  EXPECT_EQ(without_keys("medsynth_" + id + "_" + secret + "medsynth_" + id + "_" + secret),
            "medsynth_" + id + "_***medsynth_" + id + "_***");
  EXPECT_EQ(without_keys("Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2VjcmV0-_ and eyJ.a.b"),
            "Bearer eyJhbGciOiJFUzI1NiJ9.e30.*** and eyJ.a.***");
  for (const std::string& text :
       {std::string(), std::string("medsynth_"), std::string("medsynth_queue_length"), "medsynth_" + id,
        "medsynth_" + id + "a_" + secret, "medsynth " + secret, std::string("eyJ"), std::string("eyJa.b"),
        std::string("eyJa b.c.d"), std::string("xeyJ.")})
    EXPECT_EQ(without_keys(text), text);
}

// A password is hidden whatever it consists of and whatever else is wrong with the address.
TEST(MaskedTest, HidesWhatMayBeAPassword) {
  for (const std::string_view each : {
           "redis://user:SECRET@host:6379/0",
           "redis://:SECRET@host",
           "redis://:SEC/RET@host/0",
           "redis://:SEC@RET@host/0",
           "redis://SECRET@host",
           "redis://user:SECRET",
           "redis://user:SECRET/0",
           "redis//:SECRET@host",
           "redis:/:SECRET@host",
           "redis:/user:SEC//RET@host",
           ":SECRET@host",
           "unix://:SECRET@/run/redis.sock?db=1",
           "unix:///run/redis.sock?password=SECRET",
           "redis+sentinel://eve:SECRET@one:26379,two:26379/m",
           "redis+sentinel://one,two:SECRET/m",
           "rediss+sentinel://one/m?sentinel_password=SECRET&sni=x",
           "redis://us er:SECRET@host",
           "http://eve:SECRET#x@host",
           "cannot reach redis://a:SECRET@h:1 now",
       }) {
    const std::string shown = masked(each);
    EXPECT_EQ(shown.find("SEC"), std::string::npos) << each << " is shown as " << shown;
    EXPECT_EQ(shown.find("RET"), std::string::npos) << each << " is shown as " << shown;
    EXPECT_NE(shown.find("***"), std::string::npos) << each;
  }
}

// An address without a secret is shown as it is; of one with a secret, scheme, user and host stay.
TEST(MaskedTest, LeavesTheRest) {
  for (const std::string_view each :
       {"redis://localhost:6379/0", "redis://[::1]:6379/0", "unix:///run/redis.sock?db=1",
        "redis+sentinel://one:26379,two:26379/m", "medsynth", "", "12:30 o'clock"}) {
    EXPECT_EQ(masked(each), each);
  }
  EXPECT_EQ(masked("redis://eve:pa/ss@h/0"), "redis://eve:***@h/0");
  EXPECT_EQ(masked("redis://:x@h/0"), "redis://:***@h/0");
}

}  // namespace
}  // namespace medsynth
