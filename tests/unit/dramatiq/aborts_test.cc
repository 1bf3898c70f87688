#include "medsynth/dramatiq/aborts.h"

#include <gtest/gtest.h>

namespace medsynth::dramatiq {
namespace {

using redis::Reply;
using namespace std::chrono_literals;

Message with_option(std::string json) {
  Message message = make_message("q", "act", "{}", WallTime{});
  if (!json.empty()) message.set_option("abortable", std::move(json));
  return message;
}

// As dramatiq-abort: the message's own word, by its truth, else the actor's.
TEST(Aborts, TheMessageSaysWhetherItMayBe) {
  EXPECT_TRUE(is_abortable(with_option(""), {}));
  EXPECT_TRUE(is_abortable(with_option("null"), {}));
  EXPECT_TRUE(is_abortable(with_option("true"), {.abortable = false}));
  EXPECT_FALSE(is_abortable(with_option("false"), {}));
  EXPECT_FALSE(is_abortable(with_option(""), {.abortable = false}));
}

// One command for a whole slice; only when it finds something, or may not be asked, each message by itself.
TEST(Aborts, OneQuestionForMany) {
  const auto query = cancelled({"a", "b"});
  ASSERT_EQ(query.commands.size(), 1u);
  EXPECT_EQ(query.commands[0].words,
            (std::vector<std::string>{"EXISTS", "dramatiq:aborts:cancel:a", "dramatiq:aborts:cancel:b"}));
  EXPECT_EQ(query.decode({Reply{.kind = Reply::Kind::integer}})->value, (std::vector<bool>{false, false}));
  for (const Reply& reply : {Reply{.kind = Reply::Kind::integer, .integer = 1},
                             Reply{.kind = Reply::Kind::error, .text = "CROSSSLOT Keys"}}) {
    const auto step = query.decode({reply});
    ASSERT_TRUE(step && step->next);
    EXPECT_EQ(step->next->commands.size(), 2u);
    EXPECT_EQ(
        step->next
            ->decode({Reply{.kind = Reply::Kind::integer}, Reply{.kind = Reply::Kind::integer, .integer = 1}})
            ->value,
        (std::vector<bool>{false, true}));
  }
}

// What is no request of the add-on's is none.
TEST(Aborts, ReadsHowLongItMayGoOn) {
  const auto query = abort_times({"a", "b", "c", "d"});
  const auto text = [](std::string value) {
    return Reply{.kind = Reply::Kind::text, .text = std::move(value)};
  };
  const auto step = query.decode({Reply{}, text(R"({"abort_timeout": 1500})"), text("{}"), text("[")});
  ASSERT_TRUE(step && step->value);
  EXPECT_EQ(*step->value,
            (std::vector<std::optional<std::chrono::milliseconds>>{std::nullopt, 1500ms, 0ms, std::nullopt}));
}

}  // namespace
}  // namespace medsynth::dramatiq
