// What Redis refuses: rights that are missing, keys that hold something else. Redis rolls no script back, so
// that nothing may be half done, and nobody may be told less than what was done.
#include <atomic>
#include <map>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/dramatiq/consumer.h"
#include "medsynth/redis/error_reply.h"

#include "fixture.h"

namespace medsynth::dramatiq {
namespace {

using redis::ErrorClass;

class RefusalTest : public BrokerTest {
 protected:
  // A client of a user who may do what `rights` say.
  std::unique_ptr<redis::Client> client_of(const std::vector<std::string>& rights) {
    grant({"reset", "on", ">pw"});
    grant(rights);
    auto url = *redis::parse_url("redis://app:pw@127.0.0.1:" + std::to_string(server_->port()));
    auto client = std::make_unique<redis::Client>(redis::ClientOptions{.url = url});
    EXPECT_TRUE(client->wait_connected(5s));
    return client;
  }
  void grant(const std::vector<std::string>& rights) {
    redis::Command command("ACL", "SETUSER", "app");
    command.words.insert(command.words.end(), rights.begin(), rights.end());
    auto replies = client_->send({command});
    EXPECT_TRUE(replies && !replies->front().is_error());
  }
  // Everything in Redis but who lives: to be compared.
  std::map<std::string, std::string> everything() {
    std::map<std::string, std::string> all;
    for (const std::string& key : keys()) all[key] = say("DUMP", key).text;
    return all;
  }
  template <class T>
  ErrorClass refusal(redis::Query<T> query) {
    const auto before = everything();
    const auto result = client_->run(std::move(query));
    EXPECT_FALSE(result);
    EXPECT_EQ(everything(), before);
    return result ? ErrorClass::transient : redis::classify(result.error());
  }
  Settlement followed(const Received& delivery) {
    return {.lease = delivery, .follow = {.messages = {{message("next", "other")}}}};
  }
};

// What a new user of Redis 7 has: no channel. The bells stay silent, and all is done.
TEST_F(RefusalTest, R3WithoutAChannelEverythingIsDone) {
  const auto client = client_of({"+@all", "~*", "resetchannels"});
  const auto good = [&]<class T>(redis::Query<T> query) {
    auto result = client->run(std::move(query));
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result ? *result : T{};
  };
  good(broker_.enqueue(message("m1")));
  good(broker_.enqueue(message("m2")));
  EXPECT_EQ(good(broker_.fetch("q", 2)).deliveries.size(), 2u);
  const auto held = words(say("SMEMBERS", "dramatiq:__acks__.worker-a.q"));
  EXPECT_EQ(good(broker_.requeue("q", held)), 2);
  const Fetched fetched = good(broker_.fetch("q", 2));
  EXPECT_TRUE(
      good(test::retry(broker_, fetched.deliveries[0], fetched.deliveries[0].message, system_clock().now())));
  EXPECT_EQ(good(broker_.settle({followed(fetched.deliveries[1])})), std::vector<bool>{true});
  good(broker_.fetch("other", 1));
  EXPECT_EQ(good(Workers(other_).recover_from("worker-a", "other")), 1);
  EXPECT_EQ(run(broker_.depth("other")).ready, 1);
  EXPECT_EQ(run(broker_.depth("q")).delayed, 1);
}

// What follows from a message that ran cannot be written: then it is not settled, either.
TEST_F(RefusalTest, R3SettlingIsAllOrNothing) {
  enqueue(broker_, {"m1"});
  const Received d = fetch_one(broker_);
  run(test::note_start(broker_, d));
  say("SET", "dramatiq:other", "not a list");
  EXPECT_EQ(refusal(broker_.settle({followed(d)})), ErrorClass::broken);
  Settlement group{.lease = d, .follow = {.group = Follow::Group{"barrier", {}}}};
  say("RPUSH", "barrier", "not a counter");
  EXPECT_EQ(refusal(broker_.settle({group})), ErrorClass::broken);
  say("DEL", "barrier");
  say("SET", "barrier@events", "not a list");
  EXPECT_EQ(refusal(broker_.settle({group})), ErrorClass::broken);
  say("SET", "dramatiq:q.XQ", "not a set");
  EXPECT_EQ(refusal(test::dead(broker_, d, d.message, "boom")), ErrorClass::refused);
  say("DEL", "dramatiq:other");
  EXPECT_EQ(run(broker_.settle({followed(d)})), std::vector<bool>{true});
  EXPECT_EQ(run(broker_.depth("other")).ready, 1);
}

// Marks and counts of ours that hold something else: nothing is dropped, and it is said whose business it is.
TEST_F(RefusalTest, R3KeysOfAnotherKindChangeNothing) {
  enqueue(broker_, {"m1", "m2"});
  for (const char* key : {"dramatiq:__acks__.worker-a.q", "dramatiq:__medsynth__.running.worker-a.q"}) {
    say("SET", key, "x");
    EXPECT_EQ(run(broker_.depth("q")).ready, 2);
    const auto fetched = client_->run(broker_.fetch("q", 1, true));
    EXPECT_FALSE(fetched);
    EXPECT_EQ(run(broker_.depth("q")).ready, 2);
    say("DEL", key);
  }
  const Received d = fetch_one(broker_);
  for (const char* key : {"dramatiq:__medsynth__.running.worker-a.q", "dramatiq:__medsynth__.deaths.q"}) {
    say("SET", key, "x");
    EXPECT_EQ(refusal(test::ack(broker_, d)), ErrorClass::refused) << key;
    EXPECT_EQ(refusal(broker_.settle({followed(d)})), ErrorClass::refused) << key;
    EXPECT_EQ(refusal(broker_.requeue("q", {d.redis_message_id})), ErrorClass::refused) << key;
    EXPECT_EQ(refusal(Workers(other_).recover_from("worker-a", "q")), ErrorClass::refused) << key;
    say("DEL", key);
  }
  const std::string waiting = words(say("LRANGE", "dramatiq:q", 0, 0)).front();
  say("RENAME", "dramatiq:q", "aside");
  say("SET", "dramatiq:q", "x");
  EXPECT_EQ(refusal(broker_.requeue("q", {d.redis_message_id})), ErrorClass::refused);
  EXPECT_EQ(refusal(Workers(other_).recover_from("worker-a", "q")), ErrorClass::refused);
  EXPECT_EQ(refusal(broker_.enqueue(message("m3"))), ErrorClass::refused);
  say("RENAME", "aside", "dramatiq:q");
  EXPECT_TRUE(run(test::ack(broker_, d)));
  EXPECT_EQ(words(say("LRANGE", "dramatiq:q", 0, -1)), Ids{waiting});
}

// The same query once more, after what refused it is repaired, does it: it had not been said to be done.
TEST_F(RefusalTest, R3ARefusedMessageIsSentByTheNextTry) {
  const auto query = broker_.enqueue(message("m1"));
  say("SET", "dramatiq:q", "x");
  EXPECT_EQ(refusal(query), ErrorClass::refused);
  say("DEL", "dramatiq:q");
  run(query);
  EXPECT_EQ(ids(run(broker_.fetch("q", 9))), Ids{"m1"});
}

// Rights that are missing for the second half of a step.
TEST_F(RefusalTest, R3RightsAreAskedBeforeAnythingIsWritten) {
  enqueue(broker_, {"m1", "m2"});
  const Received d = fetch_one(broker_);
  const auto client = client_of({"+@all", "~*", "&*"});
  for (const char* verb : {"rpush", "hdel", "srem"}) {
    grant({"-" + std::string(verb)});
    const auto before = everything();
    EXPECT_FALSE(client->run(broker_.settle({followed(d)}))) << verb;
    EXPECT_EQ(everything(), before) << verb;
    grant({"+" + std::string(verb)});
  }
  grant({"-sadd"});
  EXPECT_FALSE(client->run(other_.fetch("q", 1)));
  grant({"+sadd", "-hset"});
  EXPECT_FALSE(client->run(broker_.enqueue(message("m3"))));
  EXPECT_EQ(run(broker_.depth("q")).ready, 1);
  grant({"+hset", "-srem"});
  EXPECT_FALSE(client->run(broker_.requeue("q", {d.redis_message_id})));
  grant({"+srem", "-del"});
  EXPECT_FALSE(client->run(Workers(other_).recover_from("worker-a", "q")));
  EXPECT_EQ(run(broker_.depth("q")).ready, 1);
}

// Housekeeping that fails does not keep the messages of the dead.
TEST_F(RefusalTest, R3RecoveryDoesNotDependOnHousekeeping) {
  enqueue(broker_, {"m1"});
  fetch_one(broker_);
  silent_for("worker-a", 61s);
  say("SET", "dramatiq:q.XQ", "x");
  EXPECT_FALSE(client_->run(Workers(other_).recover("q")));
  EXPECT_EQ(say("LLEN", "dramatiq:q").integer, 1);
}

// Giving back is tried until it is done, too.
TEST_F(RefusalTest, R2ARefusedReturnIsTriedAgain) {
  const auto client = client_of({"+@all", "~*", "&*"});
  Consumer consumer(*client, broker_, {.queues = {"q"}});
  enqueue(broker_, {"m1"});
  auto d = consumer.take(5s);
  ASSERT_TRUE(d);
  grant({"-lpush"});
  std::jthread giver([&] { d.reset(); });
  std::this_thread::sleep_for(50ms);
  grant({"+lpush"});
  giver.join();
  auto again = consumer.take(5s);
  ASSERT_TRUE(again);
  EXPECT_TRUE(ack(consumer, broker_, std::move(*again)));
}

// An undecodable message that cannot be made a dead letter does not keep those that came with it.
TEST_F(RefusalTest, R2WhatCannotBeQuarantinedHoldsUpNobody) {
  say("SET", "dramatiq:q.XQ", "x");
  say("HSET", "dramatiq:q.msgs", "bad", "\x80 pickle");
  say("RPUSH", "dramatiq:q", "bad");
  enqueue(broker_, {"m1"});
  const Fetched fetched = run(broker_.fetch("q", 2));
  EXPECT_EQ(ids(fetched), Ids{"m1"});
  EXPECT_TRUE(fetched.trouble);
}

// A message comes again while its first run goes on: that run settles it, once, and nothing of it stays. (R5)
TEST_F(RefusalTest, R5AMessageThatComesAgainWhileItRunsIsSettledOnce) {
  Consumer consumer(*client_, broker_, {.queues = {"q"}, .prefetch = 1, .poll_min = 5ms, .poll_max = 5ms});
  enqueue(broker_, {"m1"});
  auto d = consumer.take(5s);
  ASSERT_TRUE(d);
  EXPECT_EQ(run(Workers(other_).recover_from("worker-a", "q")), 1);  // others thought that we are dead
  ASSERT_TRUE(eventually([&] { return run(broker_.depth("q")).ready == 0; }));
  EXPECT_TRUE(ack(consumer, broker_, std::move(*d)));
  enqueue(broker_, {"m2"});
  auto next = consumer.take(5s);
  ASSERT_TRUE(next);
  // It may have been settled before the consumer heard that it had come again.
  const bool again = next->message.message_id == "m1";
  if (again) {
    EXPECT_FALSE(ack(consumer, broker_, std::move(*next)));
  }
  auto last = again ? consumer.take(5s) : std::move(next);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->message.message_id, "m2");
  EXPECT_TRUE(ack(consumer, broker_, std::move(*last)));
  EXPECT_EQ(keys(), Ids{});
}

}  // namespace
}  // namespace medsynth::dramatiq
