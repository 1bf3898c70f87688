#include "medsynth/dramatiq/broker.h"

#include <algorithm>
#include <set>

#include "medsynth/dramatiq/quarantine.h"

#include "fixture.h"

namespace medsynth::dramatiq {
namespace {

// A message that was enqueued, fetched and settled leaves nothing behind.
TEST_F(BrokerTest, ASettledMessageLeavesNoKeys) {
  enqueue(broker_, {"m1", "m2"});
  EXPECT_EQ(keys(), (Ids{"dramatiq:q", "dramatiq:q.msgs"}));
  const auto fetched = run(broker_.fetch("q", 10));
  EXPECT_EQ(ids(fetched), (Ids{"m1", "m2"}));
  EXPECT_EQ(fetched.deliveries[0].queue, "q");
  EXPECT_EQ(fetched.deliveries[0].message.text_option("redis_message_id"),
            fetched.deliveries[0].redis_message_id);
  EXPECT_EQ(keys(), (Ids{"dramatiq:__acks__.worker-a.q", "dramatiq:q.msgs"}));
  for (const Received& d : fetched.deliveries) {
    EXPECT_EQ(run(test::note_start(broker_, d)), 0);
    EXPECT_TRUE(run(test::ack(broker_, d)));
  }
  EXPECT_EQ(keys(), Ids{});
}

// The plain commands do the same as the script: a store may run them inside its own.
TEST_F(BrokerTest, EnqueueCommandsPutTheMessageOnItsQueueAndRing) {
  const auto commands = broker_.enqueue_commands(message("m1"));
  for (const auto& command : commands) EXPECT_EQ(command.script, nullptr);
  EXPECT_EQ(commands.back().words[1], broker_.bell_channel("q"));
  ASSERT_TRUE(client_->send(commands));
  EXPECT_EQ(fetch_one(broker_).message.message_id, "m1");
}

// An enqueue whose answer was lost is sent again: one message.
TEST_F(BrokerTest, EnqueueingTwiceByTheSameQueryPutsOneMessage) {
  const auto query = broker_.enqueue(message("m1"));
  run(query);
  run(query);
  EXPECT_EQ(words(say("LRANGE", "dramatiq:q", 0, -1)).size(), 1u);
}

TEST_F(BrokerTest, TheHeartbeatIsAnIntegerOfRedisTime) {
  const WallTime now = run(Workers(broker_).beat());
  EXPECT_LT(std::chrono::abs(now - system_clock().now()), 1s);
  enqueue(broker_, {"m1"});
  fetch_one(broker_);
  const std::string script = "return redis.call('ZSCORE', KEYS[1], 'worker-a')";
  const auto score = redis::text(say("EVAL", script, 1, "dramatiq:__heartbeats__"));
  ASSERT_TRUE(score);
  EXPECT_EQ(score->find_first_not_of("0123456789"), std::string::npos) << *score;
  EXPECT_EQ(score->size(), 13u);
}

// A delayed message lies on the delay queue with its eta; moving it gives it a new id, no eta, and its
// canonical name.
TEST_F(BrokerTest, ADueMessageMovesToItsCanonicalQueue) {
  const WallTime eta{1'700'000'000'000ms};
  enqueue(broker_, {"m1"}, eta);
  EXPECT_EQ(keys(), (Ids{"dramatiq:q.DQ", "dramatiq:q.DQ.msgs"}));
  const Received delayed = fetch_one(broker_, "q.DQ");
  EXPECT_EQ(delayed.message.queue_name, "q.DQ");
  EXPECT_EQ(delayed.message.integer_option("eta"), 1'700'000'000'000);
  EXPECT_TRUE(run(test::move_due(broker_, delayed)));
  EXPECT_EQ(keys(), (Ids{"dramatiq:q", "dramatiq:q.msgs"}));
  const Received moved = fetch_one(broker_);
  EXPECT_EQ(moved.message.queue_name, "q");
  EXPECT_EQ(moved.message.option("eta"), "");
  EXPECT_EQ(moved.message.message_id, "m1");
  EXPECT_NE(moved.redis_message_id, delayed.redis_message_id);
  EXPECT_EQ(moved.message.text_option("redis_message_id"), moved.redis_message_id);
  EXPECT_FALSE(run(test::move_due(broker_, delayed)));  // only once
}

// Who starts what he fetches hears what dramatiq-abort has not cancelled, of messages whose id can be seen.
TEST_F(BrokerTest, AFetchSaysWhatIsNotAborted) {
  const auto unaborted = [&](const char* id, std::string kwargs = "{}", bool start = true) {
    Message sent = message(id);
    sent.kwargs = std::move(kwargs);
    run(broker_.enqueue(std::move(sent)));
    const auto fetched = run(broker_.fetch("q", 1, start));
    EXPECT_EQ(fetched.deliveries.size(), 1u);
    return fetched.deliveries.at(0).unaborted;
  };
  EXPECT_TRUE(unaborted("plain"));
  EXPECT_TRUE(unaborted("outer", R"({"message_id":"inner"})"));
  EXPECT_FALSE(unaborted("waits", "{}", false));
  EXPECT_FALSE(unaborted(R"(a "quoted" one)"));
  say("RPUSH", "dramatiq:aborts:cancel:cancelled", "{}");
  EXPECT_FALSE(unaborted("cancelled"));
  EXPECT_FALSE(unaborted("cancelled", R"({"message_id":"inner"})"));
  say("RPUSH", "dramatiq:aborts:cancel:inner", "{}");
  EXPECT_TRUE(unaborted("outer", R"({"message_id":"inner"})"));
}

// A retry settles the message and puts its update on the delay queue in one step.
TEST_F(BrokerTest, ARetryGoesToTheDelayQueue) {
  enqueue(broker_, {"m1"});
  const Received d = fetch_one(broker_);
  run(test::note_start(broker_, d));
  Message updated = d.message;
  updated.set_option("retries", "1");
  EXPECT_TRUE(run(test::retry(broker_, d, updated, WallTime{1'700'000'000'000ms})));
  EXPECT_EQ(keys(), (Ids{"dramatiq:q.DQ", "dramatiq:q.DQ.msgs"}));
  const Received delayed = fetch_one(broker_, "q.DQ");
  EXPECT_EQ(delayed.message.option("retries"), "1");
  EXPECT_EQ(delayed.message.option("eta"), "1700000000000");
  EXPECT_EQ(delayed.message.message_id, "m1");
  EXPECT_FALSE(run(test::retry(broker_, d, updated, WallTime{})));
}

// A dead letter has the updated payload under its old id, a time, and the reason beside it.
TEST_F(BrokerTest, ADeadLetterKeepsPayloadAndReason) {
  enqueue(broker_, {"m1"});
  const Received d = fetch_one(broker_);
  run(test::note_start(broker_, d));
  Message updated = d.message;
  updated.set_option("traceback", "\"boom\"");
  EXPECT_TRUE(run(test::dead(broker_, d, updated, "it failed")));
  EXPECT_EQ(keys(), (Ids{"dramatiq:__medsynth__.reasons.q", "dramatiq:q.XQ", "dramatiq:q.XQ.msgs"}));
  const auto payload = redis::text(say("HGET", "dramatiq:q.XQ.msgs", d.redis_message_id));
  ASSERT_TRUE(payload);
  EXPECT_EQ(decode(*payload)->option("traceback"), "\"boom\"");
  EXPECT_EQ(redis::text(say("HGET", "dramatiq:__medsynth__.reasons.q", d.redis_message_id)).value(),
            "it failed");
  EXPECT_EQ(run(broker_.depth("q")).dead, 1);
}

TEST_F(BrokerTest, OldDeadLettersExpireAndYoungOnesStay) {
  enqueue(broker_, {"m1", "m2"});
  const Received old = fetch_one(broker_);
  const Received young = fetch_one(broker_);
  run(test::dead(broker_, old, old.message, "a"));
  run(test::dead(broker_, young, young.message, "b"));
  say("ZADD", "dramatiq:q.XQ", millis(system_clock().now() - 169h), old.redis_message_id);
  run(Workers(broker_).recover("q"));
  EXPECT_EQ(words(say("ZRANGE", "dramatiq:q.XQ", 0, -1)), Ids{young.redis_message_id});
  EXPECT_EQ(words(say("HKEYS", "dramatiq:q.XQ.msgs")), Ids{young.redis_message_id});
  EXPECT_EQ(words(say("HKEYS", "dramatiq:__medsynth__.reasons.q")), Ids{young.redis_message_id});
}

// One undecodable payload among ten becomes a dead letter by itself; the nine others are handed out.
TEST_F(BrokerTest, AnUndecodablePayloadIsQuarantinedAlone) {
  enqueue(broker_, {"1", "2", "3"});
  say("HSET", "dramatiq:q.msgs", "bad", "{\"queue_name\":\"q\"}");
  say("RPUSH", "dramatiq:q", "bad");
  enqueue(broker_, {"4", "5", "6", "7", "8", "9"});
  const auto fetched = run(broker_.fetch("q", 100));
  EXPECT_EQ(ids(fetched), (Ids{"1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  EXPECT_EQ(fetched.quarantined, 1);
  EXPECT_EQ(words(say("HKEYS", "dramatiq:q.XQ.msgs")), Ids{"bad"});
  const auto letter = decode(redis::text(say("HGET", "dramatiq:q.XQ.msgs", "bad")).value());
  ASSERT_TRUE(letter) << "the dashboard decodes every dead letter";
  EXPECT_EQ(quarantined_payload(*letter), "{\"queue_name\":\"q\"}");
  EXPECT_EQ(letter->text_option("redis_message_id"), "bad");
  const auto reason = redis::text(say("HGET", "dramatiq:__medsynth__.reasons.q", "bad"));
  EXPECT_NE(reason->find("actor_name"), std::string::npos) << *reason;
  for (const Received& d : fetched.deliveries) EXPECT_TRUE(run(test::ack(broker_, d)));
  EXPECT_EQ(keys(), (Ids{"dramatiq:__medsynth__.reasons.q", "dramatiq:q.XQ", "dramatiq:q.XQ.msgs"}));
}

// Bytes that are no text survive in the dead letter: each is the character of its number.
TEST_F(BrokerTest, AQuarantinedPayloadKeepsItsBytes) {
  say("HSET", "dramatiq:q.msgs", "pickle", std::string("\x80\x04\x95\0}", 5));
  say("RPUSH", "dramatiq:q", "pickle");
  EXPECT_EQ(run(broker_.fetch("q", 1)).quarantined, 1);
  const auto letter = redis::text(say("HGET", "dramatiq:q.XQ.msgs", "pickle")).value();
  EXPECT_NE(letter.find(R"("undecodable":"\u0080\u0004\u0095\u0000}")"), std::string::npos) << letter;
}

// An id without a payload, as old Python versions left them, vanishes; one that is queued twice is given
// once.
TEST_F(BrokerTest, GhostsAndDoublesAreDropped) {
  enqueue(broker_, {"m1"});
  const std::string id = words(say("LRANGE", "dramatiq:q", 0, -1))[0];
  say("RPUSH", "dramatiq:q", "ghost", id);
  const auto fetched = run(broker_.fetch("q", 10));
  EXPECT_EQ(ids(fetched), Ids{"m1"});
  EXPECT_TRUE(run(test::ack(broker_, fetched.deliveries[0])));
  EXPECT_EQ(keys(), Ids{});
}

// The payload may claim any redis_message_id: the field it lies under counts.
TEST_F(BrokerTest, AMessageIsSettledUnderTheIdRedisKnows) {
  Message m = message("m1");
  m.set_option("redis_message_id", "\"something else\"");
  say("HSET", "dramatiq:q.msgs", "real", encode(m));
  say("RPUSH", "dramatiq:q", "real");
  const Received d = fetch_one(broker_);
  EXPECT_EQ(d.redis_message_id, "real");
  EXPECT_TRUE(run(test::ack(broker_, d)));
  EXPECT_EQ(keys(), Ids{});
}

// Many messages of two queues, delayed ones among them, in one exchange: each queue keeps their order.
TEST_F(BrokerTest, ManyAreEnqueuedTogether) {
  std::vector<Outgoing> many;
  for (int i = 0; i < 600; ++i) many.push_back({message(std::to_string(i), i % 2 ? "q" : "p")});
  many.push_back({message("later"), system_clock().now() + 1h});
  const auto query = broker_.enqueue(many);
  EXPECT_EQ(query.commands.size(), 5u);  // 256 a script
  run(query);
  run(query);  // its answer was lost
  const auto fetched = run(broker_.fetch("q", 1000));
  ASSERT_EQ(fetched.deliveries.size(), 300u);
  for (int i = 0; i < 300; ++i)
    EXPECT_EQ(fetched.deliveries[static_cast<std::size_t>(i)].message.message_id, std::to_string(2 * i + 1));
  EXPECT_EQ(words(say("LRANGE", "dramatiq:p", 0, -1)).size(), 300u);
  EXPECT_EQ(words(say("LRANGE", "dramatiq:q.DQ", 0, -1)).size(), 1u);
}

// Of a batch whose second lease was lost, the others are settled, and the lost one is left to whom it
// belongs.
TEST_F(BrokerTest, ABatchSettlesWhatIsStillOurs) {
  enqueue(broker_, {"1", "2", "3", "4", "5"});
  const auto fetched = run(broker_.fetch("q", 5)).deliveries;
  EXPECT_EQ(run(broker_.note_starts("q", {fetched[0].redis_message_id, "nobody's"})),
            (std::vector<std::int64_t>{0, -1}));
  say("SREM", "dramatiq:__acks__.worker-a.q", fetched[1].redis_message_id);
  std::vector<Settlement> settlements{{.lease = fetched[0]}, {.lease = fetched[1]}, {.lease = fetched[2]}};
  settlements.push_back({.kind = Settlement::Kind::dead, .lease = fetched[3], .updated = fetched[3].message});
  settlements.push_back({.lease = fetched[4]});
  const auto query = broker_.settle(settlements);
  EXPECT_EQ(query.commands.size(), 2u);
  EXPECT_EQ(run(query), (std::vector<bool>{true, false, true, true, true}));
  EXPECT_EQ(words(say("HKEYS", "dramatiq:q.msgs")), Ids{fetched[1].redis_message_id});
  EXPECT_EQ(keys(), (Ids{"dramatiq:q.XQ", "dramatiq:q.XQ.msgs", "dramatiq:q.msgs"}));
}

// What follows from a settling happens with it or, when the lease was lost, not at all.
TEST_F(BrokerTest, WhatFollowsHappensOnce) {
  enqueue(broker_, {"m1"});
  Settlement settlement{.lease = fetch_one(broker_)};
  settlement.follow.messages.push_back({message("next", "p")});
  settlement.follow.commands.push_back(redis::Command("SET", "result", "42"));
  EXPECT_EQ(run(broker_.settle({settlement})), std::vector<bool>{true});
  EXPECT_EQ(keys(), (Ids{"dramatiq:p", "dramatiq:p.msgs", "result"}));
  EXPECT_EQ(run(broker_.settle({settlement})), std::vector<bool>{false});
  EXPECT_EQ(words(say("LRANGE", "dramatiq:p", 0, -1)).size(), 1u);
}

// Dramatiq's barrier of a group of two: the second message that settles sends the callbacks.
TEST_F(BrokerTest, TheLastOfAGroupSendsTheCallbacks) {
  say("SET", "barrier", "2");
  enqueue(broker_, {"m1", "m2"});
  for (const bool last : {false, true}) {
    Settlement settlement{.lease = fetch_one(broker_)};
    settlement.follow.group = Follow::Group{"barrier", {{message("callback", "p")}}};
    EXPECT_EQ(run(broker_.settle({settlement})), std::vector<bool>{true});
    EXPECT_EQ(words(say("LRANGE", "dramatiq:p", 0, -1)).size(), last ? 1u : 0u);
  }
  EXPECT_EQ(redis::text(say("GET", "barrier")).value(), "1");
  EXPECT_EQ(words(say("LRANGE", "barrier@events", 0, -1)), Ids{"x"});
}

// Delayed messages lie in the due index, in the hands of the queue's scheduler; each becomes due in its time,
// whatever order they came in. One that was deleted meanwhile is dropped.
TEST_F(BrokerTest, TheDueIndexGivesWhatIsDue) {
  const WallTime now = system_clock().now();
  enqueue(broker_, {"far"}, now + 10h);
  enqueue(broker_, {"soon"}, now + 1h);
  enqueue(broker_, {"deleted"}, now + 30min);
  const auto fetched = run(broker_.fetch("q.DQ", 10)).deliveries;
  EXPECT_EQ(run(schedule(broker_.options(), "q", fetched, now)), 3);
  EXPECT_EQ(run(schedule(broker_.options(), "q", fetched, now)), 0);  // they are no longer ours
  EXPECT_EQ(keys(), (Ids{"dramatiq:__acks__.medsynth-delays:q:.q.DQ", "dramatiq:__medsynth__.due.q",
                         "dramatiq:q.DQ.msgs"}));
  say("HDEL", "dramatiq:q.DQ.msgs", fetched[2].redis_message_id);
  const auto none = run(take_due(broker_.options(), "q", now, 10));
  EXPECT_EQ(ids(none), Ids{});
  EXPECT_EQ(none.next_due, WallTime{std::chrono::milliseconds{millis(now + 30min)}});
  const auto due = run(take_due(other_.options(), "q", now + 2h, 10));
  EXPECT_EQ(ids(due), Ids{"soon"});
  EXPECT_EQ(due.next_due, WallTime{std::chrono::milliseconds{millis(now + 10h)}});
  EXPECT_TRUE(run(test::move_due(other_, due.deliveries[0])));
  EXPECT_EQ(ids(run(broker_.fetch("q", 10))), Ids{"soon"});
}

// Every worker of ours on the queue keeps its scheduler alive; when all are gone, recovery finds it dead and
// the messages are on the delay queue again.
TEST_F(BrokerTest, DelayedMessagesComeBackWhenAllWorkersAreGone) {
  const WallTime now = system_clock().now();
  enqueue(broker_, {"m1"}, now + 1h);
  run(schedule(broker_.options(), "q", run(broker_.fetch("q.DQ", 10)).deliveries, now));
  const std::string scheduler = "medsynth-delays:q:";
  silent_for(scheduler, 61s);
  run(Workers(broker_).beat({"p"}));
  run(Workers(other_).beat({"q"}));
  EXPECT_EQ(run(Workers(broker_).recover("q")), 0);
  silent_for(scheduler, 61s);
  EXPECT_EQ(run(Workers(broker_).recover("q")), 1);
  EXPECT_EQ(words(say("LRANGE", "dramatiq:q.DQ", 0, -1)).size(), 1u);
  run(Workers(other_).beat({"q"}));
  EXPECT_EQ(say("ZSCORE", "dramatiq:__heartbeats__", scheduler).kind,
            redis::Reply::Kind::null);  // it holds nothing
  // The index still has it: taking it is nobody's right any more.
  EXPECT_EQ(ids(run(take_due(broker_.options(), "q", now + 2h, 10))), Ids{});
}

// Given back, messages are at the head again, in their order, before those that waited.
TEST_F(BrokerTest, RequeuedMessagesKeepTheirOrderAtTheHead) {
  enqueue(broker_, {"1", "2", "3", "4"});
  const auto fetched = run(broker_.fetch("q", 3));
  Ids redis_ids;
  for (const Received& d : fetched.deliveries) redis_ids.push_back(d.redis_message_id);
  EXPECT_EQ(run(broker_.requeue("q", redis_ids)), 3);
  EXPECT_EQ(run(broker_.requeue("q", redis_ids)), 0);
  EXPECT_EQ(ids(run(broker_.fetch("q", 10))), (Ids{"1", "2", "3", "4"}));
}

TEST_F(BrokerTest, ManyRequeuedMessagesKeepTheirOrderToo) {
  Ids names;
  for (int i = 0; i < 2500; ++i) names.push_back(std::to_string(i));
  enqueue(broker_, names);
  Ids redis_ids;
  for (int i = 0; i < 3; ++i)
    for (const Received& d : run(broker_.fetch("q", 1000)).deliveries)
      redis_ids.push_back(d.redis_message_id);
  EXPECT_EQ(run(broker_.requeue("q", redis_ids)), 2500);
  EXPECT_EQ(words(say("LRANGE", "dramatiq:q", 0, -1)), redis_ids);
}

// The lease was taken: the late owner's settling does nothing, whatever it is, and the new owner's works.
TEST_F(BrokerTest, AfterALostLeaseSettlingDisturbsNothing) {
  enqueue(broker_, {"m1"});
  const Received late = fetch_one(broker_);
  EXPECT_EQ(run(Workers(other_).recover_from("worker-a", "q")), 1);
  const auto before = keys();
  EXPECT_EQ(run(test::note_start(broker_, late)), -1);
  EXPECT_FALSE(run(test::ack(broker_, late)));
  EXPECT_FALSE(run(test::dead(broker_, late, late.message)));
  EXPECT_FALSE(run(test::retry(broker_, late, late.message, WallTime{})));
  EXPECT_EQ(run(broker_.requeue("q", {late.redis_message_id})), 0);
  EXPECT_EQ(keys(), before);
  const Received again = fetch_one(other_);
  EXPECT_EQ(again.message.message_id, "m1");
  EXPECT_FALSE(run(test::ack(broker_, late)));
  EXPECT_TRUE(run(broker_.exist({{.lease = late}})).front());
  EXPECT_TRUE(run(test::ack(other_, again)));
  EXPECT_FALSE(run(broker_.exist({{.lease = late}})).front());
  EXPECT_EQ(keys(), Ids{});
}

// Purged by somebody while we had it: settled, and it does not come back.
TEST_F(BrokerTest, APurgedMessageDoesNotComeBack) {
  enqueue(broker_, {"m1", "m2"});
  const auto fetched = run(broker_.fetch("q", 2));
  say("DEL", "dramatiq:q.msgs");
  EXPECT_TRUE(run(test::retry(broker_, fetched.deliveries[0], fetched.deliveries[0].message, WallTime{})));
  EXPECT_TRUE(run(test::dead(broker_, fetched.deliveries[1], fetched.deliveries[1].message)));
  EXPECT_EQ(keys(), Ids{});
}

TEST_F(BrokerTest, DepthSaysWhereMessagesAre) {
  enqueue(broker_, {"1", "2", "3"});
  enqueue(broker_, {"4"}, system_clock().now() + 1h);
  fetch_one(broker_);
  const Depth depth = run(broker_.depth("q"));
  EXPECT_EQ(depth.ready, 2);
  EXPECT_EQ(depth.running, 1);
  EXPECT_EQ(depth.delayed, 1);
  EXPECT_EQ(depth.dead, 0);
}

// A store that is full refuses new messages, and still lets workers drain it.
TEST_F(BrokerTest, AFullRedisCanBeDrained) {
  enqueue(broker_, {"m1", "m2"});
  say("CONFIG", "SET", "maxmemory", "1");
  const auto refused = client_->run(broker_.enqueue(message("m3")));
  EXPECT_FALSE(refused);
  if (!refused) EXPECT_EQ(refused.error().code, Code::unavailable);
  const auto fetched = run(broker_.fetch("q", 2));
  ASSERT_EQ(fetched.deliveries.size(), 2u);
  for (const Received& d : fetched.deliveries) EXPECT_EQ(run(test::note_start(broker_, d)), 0);
  EXPECT_EQ(say("SCARD", "dramatiq:__medsynth__.running.worker-a.q").integer, 2);
  EXPECT_TRUE(run(test::ack(broker_, fetched.deliveries[0])));
  EXPECT_TRUE(run(test::retry(broker_, fetched.deliveries[1], fetched.deliveries[1].message, WallTime{})));
  say("CONFIG", "SET", "maxmemory", "0");
  EXPECT_EQ(fetch_one(broker_, "q.DQ").message.message_id, "m2");
}

// Two namespaces on one Redis never meet; one with a hash tag works the same.
TEST_F(BrokerTest, NamespacesAreApart) {
  const Broker tagged({.namespace_ = "{other}", .worker_id = "w"});
  run(tagged.enqueue(message("m1")));
  EXPECT_EQ(run(broker_.fetch("q", 1)).deliveries.size(), 0u);
  EXPECT_TRUE(run(test::ack(tagged, fetch_one(tagged))));
  EXPECT_NE(tagged.bell_channel("q"), broker_.bell_channel("q"));
  EXPECT_NE(Broker({.database = 3}).bell_channel("q"), broker_.bell_channel("q"));
}

}  // namespace
}  // namespace medsynth::dramatiq
