#include "medsynth/fleet/format.h"

#include <gtest/gtest.h>

namespace medsynth::fleet {
namespace {

// A number that is newer than this program knows is refused, with the way out; an older one, or none, is not.
TEST(Format, ANewerOneIsRefused) {
  EXPECT_TRUE(check_format(0));
  EXPECT_TRUE(check_format(kFormat));
  const auto newer = check_format(kFormat + 1);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, Code::conflict);
  EXPECT_EQ(newer.error().reason, "newer_format");
}

// Whoever comes first writes the number; it is never lowered or raised by who comes later.
TEST(Format, IsWrittenWhereThereIsNone) {
  const auto claim = claim_format({});
  ASSERT_EQ(claim.commands.size(), 2u);
  EXPECT_EQ(claim.commands[0].words, (std::vector<std::string>{"SET", "medsynth:0:dramatiq:task::format",
                                                               std::to_string(kFormat), "NX"}));
  redis::Reply set, newer;
  newer.kind = redis::Reply::Kind::text;
  newer.text = std::to_string(kFormat + 1);
  EXPECT_FALSE(claim.decode({set, newer}));
  newer.text = std::to_string(kFormat);
  EXPECT_TRUE(claim.decode({set, newer}));
}

}  // namespace
}  // namespace medsynth::fleet
