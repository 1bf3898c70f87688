#include "medsynth/dramatiq/middleware.h"

#include <gtest/gtest.h>

#include "medsynth/dramatiq/quarantine.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{1'700'000'000'000ms};

Message message(std::vector<std::pair<std::string, std::string>> options = {}) {
  Message m = make_message("q", "act", "{}", kNow);
  m.message_id = "m1";
  m.set_option("redis_message_id", "\"r1\"");
  for (auto& [name, json] : options) m.set_option(name, std::move(json));
  return m;
}

std::string next_step(std::string args = "[1]", std::string options = "{}") {
  return R"({"queue_name":"p","actor_name":"next","args":)" + args + R"(,"kwargs":{},"options":)" + options +
         R"(,"message_id":"m2","message_timestamp":1})";
}

// The message's own limit goes before the actor's; 0 is none of its own; age counts from when it was built.
TEST(Middleware, AgeLimit) {
  EXPECT_FALSE(is_too_old(message(), {}, kNow + 10h));
  EXPECT_TRUE(is_too_old(message({{"max_age", "1000"}}), {}, kNow + 1s));
  EXPECT_FALSE(is_too_old(message({{"max_age", "1000"}}), {.max_age = 10ms}, kNow + 999ms));
  EXPECT_TRUE(is_too_old(message({{"max_age", "0"}}), {.max_age = 10ms}, kNow + 10ms));
  EXPECT_FALSE(is_too_old(message({{"max_age", "Infinity"}}), {}, kNow + 10h));
}

TEST(Middleware, NothingFollowsFromAPlainMessage) {
  const Follow follow = after_success(message(), "1", {}, {}, kNow);
  EXPECT_TRUE(follow.messages.empty() && follow.commands.empty() && !follow.group);
}

// The result is the last positional argument of the next step, which keeps its id and goes to its own queue.
TEST(Middleware, APipelineGoesOnWithTheResult) {
  const auto follow = after_success(message({{"pipe_target", next_step()}}), R"({"n":1e400})", {}, {}, kNow);
  ASSERT_EQ(follow.messages.size(), 1u);
  EXPECT_EQ(follow.messages[0].message.args, R"([1,{"n":1e400}])");
  EXPECT_EQ(follow.messages[0].message.message_id, "m2");
  EXPECT_EQ(follow.messages[0].message.queue_name, "p");
  EXPECT_FALSE(follow.messages[0].eta);
  const auto empty = after_success(message({{"pipe_target", next_step("[ ]")}}), "2", {}, {}, kNow);
  EXPECT_EQ(empty.messages[0].message.args, "[ 2]");
}

TEST(Middleware, APipelineMayIgnoreTheResultAndWait) {
  const std::string step = next_step("[1]", R"({"pipe_ignore":true,"delay":5000})");
  const auto follow = after_success(message({{"pipe_target", step}}), "2", {}, {}, kNow);
  EXPECT_EQ(follow.messages.at(0).message.args, "[1]");
  EXPECT_EQ(follow.messages.at(0).eta, kNow + 5s);
  const auto own =
      after_success(message({{"pipe_target", next_step()}}), "2", {.pipe_ignore = true}, {}, kNow);
  EXPECT_EQ(own.messages.at(0).message.args, "[1]");
}

TEST(Middleware, CallbacksGetTheMessageAndWhatBecameOfIt) {
  const Message m = message({{"on_success", "\"done\""}, {"on_failure", "\"oops\""}});
  const auto success = after_success(m, "42", {}, {}, kNow);
  ASSERT_EQ(success.messages.size(), 1u);
  EXPECT_EQ(success.messages[0].message.actor_name, "done");
  EXPECT_EQ(success.messages[0].message.args, "[" + encode(m) + ",42]");
  const auto failure = after_error(m, {"ValueError", "boo"}, false, false, {}, {}, kNow);
  ASSERT_EQ(failure.messages.size(), 1u);
  EXPECT_EQ(failure.messages[0].message.actor_name, "oops");
  EXPECT_EQ(failure.messages[0].message.args, "[" + encode(m) + R"(,{"type":"ValueError","message":"boo"}])");
  EXPECT_TRUE(check(failure.messages[0].message));
}

TEST(Middleware, ExhaustedRetriesAreTold) {
  const Message m = message({{"retries", "4"}, {"max_retries", "3"}});
  const ActorOptions actor{.on_retry_exhausted = "exhausted"};
  EXPECT_TRUE(after_error(m, {"E", "x"}, true, false, actor, {}, kNow).messages.empty());
  const auto follow = after_error(m, {"E", "x"}, true, true, actor, {}, kNow);
  ASSERT_EQ(follow.messages.size(), 1u);
  EXPECT_EQ(follow.messages[0].message.actor_name, "exhausted");
  EXPECT_TRUE(follow.messages[0].message.args.ends_with(R"(,{"retries":3,"max_retries":3}])"));
}

// Stored in the same step as the settling, where Dramatiq's backend looks for it.
TEST(Middleware, ResultsAreKeptAsDramatiqKeepsThem) {
  const Message m = message({{"store_results", "true"}, {"result_ttl", "5000"}});
  const auto hashed = after_success(m, "42", {}, {}, kNow);
  ASSERT_EQ(hashed.commands.size(), 3u);
  // md5("dramatiq-results:q:act:m1")
  EXPECT_EQ(hashed.commands[1].words,
            (std::vector<std::string>{"LPUSH", "b85a0407ccb3a19c0182f0c7215b7a28", "42"}));
  EXPECT_EQ(hashed.commands[2].words[2], "5000");
  const auto readable = after_success(m, "42", {}, {.readable = true}, kNow);
  EXPECT_EQ(readable.commands[1].words[1], "dramatiq-results:q:act:m1");
  EXPECT_TRUE(after_error(m, {"E", "x"}, false, false, {}, {}, kNow).commands.empty());  // it is tried again
  const auto failed = after_error(m, {"ValueError", "boo"}, true, false, {}, {}, kNow);
  EXPECT_EQ(failed.commands.at(1).words[2],
            R"({"__t":"dramatiq.results.Result","exn":{"type":"ValueError","msg":"boo"}})");
  EXPECT_TRUE(after_success(message({{"store_results", "false"}}), "1", {.store_results = true}, {}, kNow)
                  .commands.empty());
}

TEST(Middleware, AGroupCountsItsMembers) {
  const auto follow = after_success(
      message({{"group_completion_uuid", "\"g1\""}, {"group_completion_callbacks", "[" + next_step() + "]"}}),
      "1", {}, {}, kNow);
  ASSERT_TRUE(follow.group);
  EXPECT_EQ(follow.group->barrier, "g1");
  ASSERT_EQ(follow.group->callbacks.size(), 1u);
  EXPECT_EQ(follow.group->callbacks[0].message.message_id, "m2");
}

// What should follow and cannot be decoded is not dropped: it becomes a dead letter that carries it.
TEST(Middleware, WhatCannotBeDecodedBecomesADeadLetter) {
  const auto broken = after_success(message({{"pipe_target", R"({"queue_name":"p"})"}}), "1", {}, {}, kNow);
  EXPECT_TRUE(broken.messages.empty());
  ASSERT_EQ(broken.letters.size(), 1u);
  EXPECT_EQ(quarantined_payload(broken.letters[0].message), R"({"queue_name":"p"})");
  EXPECT_EQ(broken.letters[0].message.queue_name, "q");
  EXPECT_EQ(broken.letters[0].message.message_timestamp, millis(kNow));
  EXPECT_TRUE(broken.letters[0].message.text_option("redis_message_id"));
  EXPECT_TRUE(broken.letters[0].reason.starts_with("undecodable: "));
  EXPECT_TRUE(after_success(message({{"pipe_target", "null"}}), "1", {}, {}, kNow).letters.empty());
  const auto group = [](std::string callbacks) {
    return after_success(message({{"group_completion_uuid", "\"g1\""},
                                  {"group_completion_callbacks", std::move(callbacks)}}),
                         "1", {}, {}, kNow)
        .group;
  };
  EXPECT_EQ(group("[" + next_step() + ",7,{}]")->callbacks.size(), 1u);
  EXPECT_EQ(group("[" + next_step() + ",7,{}]")->letters.size(), 2u);
  EXPECT_EQ(group("\"no list\"")->letters.size(), 1u);
  EXPECT_FALSE(group("null"));
}

}  // namespace
}  // namespace medsynth::dramatiq
