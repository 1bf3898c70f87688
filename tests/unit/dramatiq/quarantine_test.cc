#include "medsynth/dramatiq/quarantine.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace medsynth::dramatiq {
namespace {

const WallTime kNow{std::chrono::milliseconds{1'700'000'000'000}};

// Whatever the payload was, its envelope is one that everybody decodes, and nothing of it is lost.
RC_GTEST_PROP(Quarantine, KeepsEveryByte, (const std::string& payload)) {
  const Message message = quarantined("q", "some-id", payload, kNow);
  RC_ASSERT(check(message).has_value());
  const auto read = decode(encode(message));
  RC_ASSERT(read.has_value());
  RC_ASSERT(quarantined_payload(*read) == payload);
}

// The dashboard deletes by this option.
TEST(Quarantine, NamesItsOwnId) {
  EXPECT_EQ(quarantined("q", "some-id", "\x80", kNow).text_option("redis_message_id"), "some-id");
}

// An actor of that name without the option, or with another text in it, is nobody's quarantine.
TEST(Quarantine, OtherMessagesCarryNone) {
  Message message = make_message("q", "undecodable", "{}", kNow);
  EXPECT_EQ(quarantined_payload(message), std::nullopt);
  message.set_option("undecodable", "\"\\u2713\"");
  EXPECT_EQ(quarantined_payload(message), std::nullopt);
  message = quarantined("q", "id", "x", kNow);
  message.actor_name = "other";
  EXPECT_EQ(quarantined_payload(message), std::nullopt);
}

}  // namespace
}  // namespace medsynth::dramatiq
