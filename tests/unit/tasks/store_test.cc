// What the store says to Redis and how it reads the answers, without a Redis.
#include "medsynth/tasks/store.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace medsynth::tasks {
namespace {

using namespace std::chrono_literals;
using redis::Reply;

const WallTime kNow{std::chrono::microseconds(1'700'000'000'000'000)};

Reply text(std::string value) {
  return Reply{.kind = Reply::Kind::text, .text = std::move(value)};
}
Reply number(std::int64_t value) {
  return Reply{.kind = Reply::Kind::integer, .integer = value};
}
Reply list(std::vector<Reply> values) {
  return Reply{.kind = Reply::Kind::list, .list = std::move(values)};
}
Reply error(std::string value) {
  return Reply{.kind = Reply::Kind::error, .text = std::move(value)};
}

bool has_word(const redis::Command& command, const std::string& word) {
  return std::find(command.words.begin(), command.words.end(), word) != command.words.end();
}

// Two installations in two databases of one Redis have different channels.
TEST(Store, ChannelsCarryTheDatabase) {
  EXPECT_EQ(Store({.prefix = "p:"}).channel(),
            "p:\x1f"
            "events:0");
  EXPECT_NE(Store({.database = 1}).channel(), Store({.database = 2}).channel());
  EXPECT_EQ(Store({.channel = "mine"}).channel(), "mine");
}

// A page that nobody can mean is refused with the field's name.
TEST(Store, ListRefusesWrongRequests) {
  const std::vector<std::pair<ListRequest, std::string>> wrong{{{.limit = 0}, "/limit"},
                                                               {{.limit = 1001}, "/limit"},
                                                               {{.limit = -1}, "/limit"},
                                                               {{.offset = -1}, "/offset"},
                                                               {{.cursor = "xyz"}, "/cursor"}};
  for (const auto& [request, pointer] : wrong) {
    const auto query = Store().list(request, kNow);
    ASSERT_FALSE(query);
    EXPECT_EQ(query.error().code, Code::invalid_argument);
    EXPECT_EQ(query.error().faults[0].pointer, pointer);
  }
  EXPECT_TRUE(Store().list({.limit = 1000}, kNow));
}

// A record that is no hash leads to a second look, for the string that older versions stored.
TEST(Store, GetLooksForOlderRecords) {
  auto step = Store().get("t").decode({error("WRONGTYPE Operation against a key")});
  ASSERT_TRUE(step && step->next);
  auto found =
      step->next->decode({text("{\"status\":\"completed\",\"n\":9007199254740993}"), error("WRONGTYPE x")});
  ASSERT_TRUE(found && found->value && *found->value);
  EXPECT_EQ((**found->value).raw("n"), "9007199254740993");
  EXPECT_EQ(step->next->decode({error("WRONGTYPE x"), error("WRONGTYPE x")}).error().reason,
            "not_a_task_record");
  auto rewritten = step->next->decode({error("WRONGTYPE x"), list({text("status"), text("\"failed\"")})});
  ASSERT_TRUE(rewritten && rewritten->value && *rewritten->value);
  EXPECT_EQ((**rewritten->value).status(), Status::failed);
}

// A write that meets an older record rewrites it and is sent again.
TEST(Store, WritesAdoptOlderRecords) {
  const Store store({.prefix = "task:"});
  auto query = store.update_task_progress("t", 30, {}, kNow);
  const auto words = query.commands[0].words;
  auto step = query.decode({list({text("legacy"), text("{\"status\":\"processing\"}")})});
  ASSERT_TRUE(step && step->next);
  ASSERT_EQ(step->next->commands.size(), 2u);
  EXPECT_TRUE(has_word(step->next->commands[0], "{\"status\":\"processing\"}"));
  EXPECT_EQ(step->next->commands[1].words, words);
  auto written = step->next->decode({list({text("adopted")}), list({text("written")})});
  ASSERT_TRUE(written && written->value);
  EXPECT_TRUE(*written->value);
  // Rewriting that fails is an error, not an endless loop.
  EXPECT_EQ(step->next->decode({error("OOM no memory"), list({text("legacy"), text("{}")})}).error().code,
            Code::unavailable);
}

TEST(Store, KeysThatHoldSomethingElseAreAConflict) {
  const auto step = Store().cancel("t", kNow).decode({list({text("foreign"), text("list")})});
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().code, Code::conflict);
  EXPECT_EQ(step.error().reason, "not_a_task_record");
}

// What the store owns is not taken from callers.
TEST(Store, CallersCannotSetWhatTheStoreOwns) {
  const auto query = Store().set_task_status("t",
                                             {{"task_id", "\"theirs\""},
                                              {"created_at", "\"theirs\""},
                                              {"attempt", "77"},
                                              {"mine", "1"},
                                              {"message_id", "null"}},
                                             kNow);
  EXPECT_FALSE(has_word(query.commands[0], "\"theirs\""));
  EXPECT_FALSE(has_word(query.commands[0], "77"));
  EXPECT_FALSE(has_word(query.commands[0], "null"));
  EXPECT_TRUE(has_word(query.commands[0], "mine"));
}

// The commands that enqueue are part of the one script call.
TEST(Store, CreateIsOneCommand) {
  const auto query =
      Store().create({.task_id = "t", .message_id = "m", .queue = "q", .actor = "a"}, kNow,
                     {redis::Command("RPUSH", "q", "m"), redis::Command("PUBLISH", "bell", "q")},
                     Guard{"key", "value", 60s});
  ASSERT_EQ(query.commands.size(), 1u);
  const auto& words = query.commands[0].words;
  const std::vector<std::string> tail{"3", "RPUSH", "q", "m", "3", "PUBLISH", "bell", "q"};
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), words.end() - static_cast<std::ptrdiff_t>(tail.size())));
  EXPECT_TRUE(has_word(query.commands[0], "60000"));
}

// A long sweep goes on in steps and adds up.
TEST(Store, SweepsInSteps) {
  auto step = Store().sweep(kNow).decode({list({number(200), number(1)})});
  ASSERT_TRUE(step && step->next);
  auto last = step->next->decode({list({number(5), number(0)})});
  ASSERT_TRUE(last && last->value);
  EXPECT_EQ(*last->value, 205);
}

// Tombstones of ids with quotes are where the scripts, which only know JSON texts, look for them.
TEST(Store, TombstonesAreByTheJsonText) {
  EXPECT_EQ(Store().has_tombstone("1-2").commands[0].words[1], "task:\x1ftombstone:1-2");
  EXPECT_EQ(Store().has_tombstone("a\"b").commands[0].words[1], "task:\x1ftombstone:a\\\"b");
}

// An error of Redis is the caller's error, whatever was asked.
TEST(Store, ErrorsOfRedisComeThrough) {
  const Reply full = error("OOM command not allowed when used memory > 'maxmemory'.");
  EXPECT_EQ(Store().get("t").decode({full}).error().code, Code::unavailable);
  EXPECT_EQ(Store().create({.task_id = "t"}, kNow).decode({full}).error().code, Code::unavailable);
  EXPECT_EQ(Store().begin({.task_id = "t"}, kNow).decode({full}).error().code, Code::unavailable);
  EXPECT_EQ(Store().remove_many({}, {}, kNow).decode({full}).error().code, Code::unavailable);
  EXPECT_EQ(Store().list({}, kNow)->decode({full}).error().code, Code::unavailable);
  EXPECT_EQ(Store().counts(kNow).decode({full}).error().code, Code::unavailable);
}

// An age beyond 1970 does not overflow: nothing is that old.
TEST(Store, AnyAgeIsATime) {
  const auto query = Store().remove_many({}, std::chrono::seconds(INT64_MAX), kNow);
  EXPECT_TRUE(has_word(query.commands[0], "\"1970-01-01T00:00:00.000000Z\""));
}

}  // namespace
}  // namespace medsynth::tasks
