#include "medsynth/tasks/cursor.h"

#include <gtest/gtest.h>

namespace medsynth::tasks {
namespace {

// A cursor comes back as it was, whatever the id has in it.
TEST(Cursor, ReadsBack) {
  for (const std::string id : {"t-1", "a:b:c", "50%", "\u00fc\u2603", "x/y?z"}) {
    const Cursor cursor{"1700000000000000", id};
    EXPECT_EQ(cursor_from(to_text(cursor)), cursor);
  }
  EXPECT_EQ(to_text({"12", "a"}), "31323a61");
}

// Anything else is refused.
TEST(Cursor, RefusesWhatIsNotOurs) {
  for (const std::string& text :
       {std::string("x"), std::string("zz"), std::string("31323a6"), std::string("3132"), std::string("3a61"),
        std::string("31323a"), std::string("61623a61"), to_text({"1e5", "a"}), to_text({"12", "a\nb"}),
        to_text({"123456789012345678", "a"}), to_text({"12", std::string(201, 'a')}),
        std::string("+1323a61")})
    EXPECT_EQ(cursor_from(text), std::nullopt) << text;
}

}  // namespace
}  // namespace medsynth::tasks
