#include "medsynth/redis/query.h"

#include <gtest/gtest.h>

namespace medsynth::redis {
namespace {

Reply text_reply(std::string text) {
  return {.kind = Reply::Kind::text, .text = std::move(text)};
}
Reply number_reply(std::int64_t number) {
  return {.kind = Reply::Kind::integer, .integer = number};
}
Reply error_reply(std::string text) {
  return {.kind = Reply::Kind::error, .text = std::move(text)};
}
Reply list_reply(std::vector<Reply> list) {
  return {.kind = Reply::Kind::list, .list = std::move(list)};
}

TEST(Command, TakesWordsAndNumbers) {
  const std::string key = "k";
  EXPECT_EQ(Command("ZADD", key, -5, std::string_view("m"), 7u).words,
            (std::vector<std::string>{"ZADD", "k", "-5", "m", "7"}));
}

// A batch has thousands of words: they stay where they are.
TEST(Commands, OfBracesAreMoved) {
  Command one("MGET"), two("PING");
  for (int i = 0; i < 100; ++i) one.words.push_back(std::to_string(i));
  const std::string* const words = one.words.data();
  const Query<Done> query{{std::move(one), std::move(two)}, {}};
  ASSERT_EQ(query.commands.size(), 2u);
  EXPECT_EQ(query.commands[0].words.data(), words);
  EXPECT_EQ(query.commands[1].words, std::vector<std::string>{"PING"});
}

TEST(Command, EvaluatesAScriptByItsDigest) {
  static const Script script("test.one", "return 1");
  const Command command = Command::eval(script, {"a", "b"}, {"x"});
  EXPECT_EQ(command.words, (std::vector<std::string>{"EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
                                                     "2", "a", "b", "x"}));
  EXPECT_EQ(command.script, &script);
}

TEST(Replies, AreReadAsWhatTheyMustBe) {
  EXPECT_EQ(*text(text_reply("x")), "x");
  EXPECT_EQ(*integer(number_reply(-3)), -3);
  EXPECT_EQ(*integer(text_reply("9223372036854775807")), INT64_MAX);
  EXPECT_EQ(list(list_reply({text_reply("a"), number_reply(1)}))->size(), 2u);
  EXPECT_EQ(*texts(list_reply({text_reply("a"), text_reply("b")})), (std::vector<std::string>{"a", "b"}));
}

TEST(Replies, OfAnotherKindAreInternalErrors) {
  for (const Error& error :
       {text(number_reply(1)).error(), text(Reply{}).error(), integer(text_reply("1x")).error(),
        integer(text_reply("")).error(), integer(text_reply("9223372036854775808")).error(),
        list(text_reply("x")).error(), texts(list_reply({number_reply(1)})).error()}) {
    EXPECT_EQ(error.code, Code::internal);
    EXPECT_EQ(error.reason, "redis_reply");
  }
}

// What passes at the server is worth another try; everything else is a fault of ours.
TEST(ErrorReplies, SayWhetherToTryAgain) {
  const Error loading = text(error_reply("LOADING Redis is loading the dataset in memory")).error();
  EXPECT_EQ(loading.code, Code::unavailable);
  EXPECT_EQ(loading.reason, "redis_loading");
  EXPECT_TRUE(loading.retry_after);
  EXPECT_EQ(as_error(error_reply("OOM command not allowed")).reason, "redis_oom");
  EXPECT_EQ(as_error(error_reply("READONLY You can't write against a read only replica.")).code,
            Code::unavailable);
  const Error wrong = integer(error_reply("WRONGTYPE Operation against a key")).error();
  EXPECT_EQ(wrong.code, Code::internal);
  EXPECT_NE(wrong.message.find("WRONGTYPE"), std::string::npos);
}

// Redis quotes unknown commands' arguments; these may be anybody's text.
TEST(ErrorReplies, LeaveArgumentsOut) {
  const Error error = as_error(error_reply("ERR unknown command 'X', with args beginning with: 'claim' "));
  EXPECT_EQ(error.message.find("claim"), std::string::npos);
  EXPECT_NE(error.message.find("unknown command"), std::string::npos);
}

TEST(ErrorReplies, HaveAPrefix) {
  EXPECT_EQ(error_reply("NOSCRIPT No matching script.").error_prefix(), "NOSCRIPT");
  EXPECT_EQ(error_reply("EXECABORT").error_prefix(), "EXECABORT");
  EXPECT_EQ(text_reply("NOSCRIPT as text").error_prefix(), "");
}

TEST(AllOk, FailsWithTheFirstErrorReply) {
  const Query<Done> query = all_ok({Command("PING")});
  EXPECT_EQ(query.commands.size(), 1u);
  EXPECT_TRUE(query.decode({text_reply("PONG"), Reply{}})->value);
  EXPECT_EQ(query.decode({text_reply("OK"), error_reply("OOM no"), error_reply("ERR x")}).error().reason,
            "redis_oom");
}

}  // namespace
}  // namespace medsynth::redis
