// What becomes of the messages of workers that died, and of workers that leave.
#include <algorithm>
#include <map>

#include "medsynth/dramatiq/broker.h"

#include "fixture.h"

namespace medsynth::dramatiq {
namespace {

using RecoveryTest = BrokerTest;

// Workers are dead after their own timeout: 15 s when they are registered as ours, 60 s when not; those alive
// keep theirs.
TEST_F(RecoveryTest, RecoveryTakesFromTheDeadOnly) {
  const Broker ours({.worker_id = "ours"}), python({.worker_id = "python"}), alive({.worker_id = "alive"});
  enqueue(broker_, {"of ours", "of python", "of alive", "delayed of ours"});
  const auto eta = system_clock().now() + 1h;
  enqueue(broker_, {"later"}, eta);
  run(Workers(ours).enter(1));
  fetch_one(ours), fetch_one(python), fetch_one(alive), fetch_one(ours);
  fetch_one(ours, "q.DQ");
  EXPECT_EQ(run(Workers(broker_).recover("q")), 0);
  silent_for("ours", 20s), silent_for("python", 20s), silent_for("alive", 10s);
  EXPECT_EQ(run(Workers(broker_).recover("q", 10s)), 0);  // Redis was away just before
  EXPECT_EQ(run(Workers(broker_).recover("q", 16s)), 3);
  EXPECT_EQ(run(Workers(broker_).recover("q")), 0);
  EXPECT_EQ(words(say("LRANGE", "dramatiq:q.DQ", 0, -1)).size(), 1u);
  silent_for("python", 61s);
  EXPECT_EQ(run(Workers(broker_).recover("q")), 1);
  EXPECT_EQ(say("EXISTS", "dramatiq:__acks__.alive.q").integer, 1);
  EXPECT_EQ(say("EXISTS", "dramatiq:__acks__.ours.q", "dramatiq:__acks__.python.q").integer, 0);
  EXPECT_EQ(run(broker_.fetch("q", 10)).deliveries.size(), 3u);
}

// A heartbeat stays for as long as its worker holds anything, on queues we do not know, too: Python's
// recovery hangs on it.
TEST_F(RecoveryTest, ADeadWorkerIsForgottenWhenItHoldsNothingAnywhere) {
  const Broker dead({.worker_id = "dead"}), holder({.worker_id = "holder"});
  run(Workers(dead).enter(1));
  run(Workers(broker_).enter(2));
  run(holder.enqueue(message("m", "unknown")));
  fetch_one(holder, "unknown");
  silent_for("dead", 61s), silent_for("holder", 61s);
  EXPECT_EQ(run(Workers(broker_).recover("q")), 0);
  EXPECT_EQ(run(Workers(broker_).forget_dead(10s)), 0);
  EXPECT_EQ(run(Workers(broker_).forget_dead()), 1);
  auto left = words(say("ZRANGE", "dramatiq:__heartbeats__", 0, -1));
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (Ids{"holder", "worker-a"}));
  EXPECT_EQ(words(say("HKEYS", "dramatiq:__medsynth__.workers")), Ids{"worker-a"});
  EXPECT_EQ(run(Workers(broker_).recover("unknown")), 1);
  EXPECT_EQ(run(Workers(broker_).forget_dead()), 1);
}

TEST_F(RecoveryTest, TheRegistryKnowsOurWorkersUntilTheyLeave) {
  run(Workers(broker_).enter(42));
  const auto workers = run(Workers(broker_).ours());
  ASSERT_EQ(workers.size(), 1u);
  EXPECT_EQ(workers[0].worker_id, "worker-a");
  EXPECT_EQ(workers[0].host, "box");
  EXPECT_EQ(workers[0].pid, 42);
  EXPECT_EQ(workers[0].pids, "boot pid:[1]");
  enqueue(broker_, {"m1"});
  const Received d = fetch_one(broker_);
  EXPECT_FALSE(run(Workers(broker_).leave({"q"})));  // it still holds one
  EXPECT_EQ(run(Workers(broker_).ours()).size(), 1u);
  run(test::ack(broker_, d));
  EXPECT_TRUE(run(Workers(broker_).leave({"q"})));
  EXPECT_EQ(words(say("KEYS", "*")), Ids{});
}

// Starts without an end are deaths; each worker counts once, and only settling clears the count: a message
// that is given back unrun would go on killing workers. (R4)
TEST_F(RecoveryTest, DeathsAreCountedUntilTheMessageIsSettled) {
  enqueue(broker_, {"m1"});
  for (int deaths = 0; deaths < 3; ++deaths) {
    const std::string name = "victim-" + std::to_string(deaths);
    const Broker victim({.worker_id = name});
    const Received d = fetch_one(victim);
    EXPECT_EQ(run(test::note_start(victim, d)), deaths);
    EXPECT_EQ(run(test::note_start(victim, d)), deaths);  // the answer was lost and asked for again
    EXPECT_EQ(run(Workers(broker_).recover_from(name, "q")), 1);
  }
  Received d = fetch_one(broker_);
  EXPECT_EQ(run(test::note_start(broker_, d)), 3);
  EXPECT_EQ(run(broker_.requeue("q", {d.redis_message_id})), 1);
  d = fetch_one(broker_);
  EXPECT_EQ(run(test::note_start(broker_, d)), 3);
  EXPECT_TRUE(run(test::ack(broker_, d)));
  EXPECT_EQ(keys(), Ids{});
}

// Who starts what he fetches is told at once; not where there are deaths to tell of, which note_start() does.
TEST_F(RecoveryTest, AFetchNotesStartsWhereNobodyDied) {
  enqueue(broker_, {"first", "second"});
  EXPECT_TRUE(run(broker_.fetch("q", 1, true)).started);
  EXPECT_EQ(say("SCARD", "dramatiq:__medsynth__.running.worker-a.q").integer, 1);
  EXPECT_EQ(run(Workers(other_).recover_from("worker-a", "q")), 1);
  const auto fetched = run(broker_.fetch("q", 2, true));
  EXPECT_FALSE(fetched.started);
  EXPECT_EQ(say("EXISTS", "dramatiq:__medsynth__.running.worker-a.q").integer, 0);
  EXPECT_EQ(run(test::note_start(broker_, fetched.deliveries.front())), 1);
}

// Somebody took the messages away under a worker: it leaves nothing behind when it goes.
TEST_F(RecoveryTest, AWorkerThatLeavesTakesItsMarksWithIt) {
  run(Workers(broker_).enter(42));
  enqueue(broker_, {"m1"});
  run(test::note_start(broker_, fetch_one(broker_)));
  say("DEL", "dramatiq:__acks__.worker-a.q", "dramatiq:q.msgs");
  EXPECT_TRUE(run(Workers(broker_).leave({"q"})));
  EXPECT_EQ(words(say("KEYS", "*")), Ids{});
}

// What was purged while somebody held it leaves no count behind when it is given back.
TEST_F(RecoveryTest, DeathsOfAPurgedMessageGoWithIt) {
  enqueue(broker_, {"m1"});
  const Broker victim({.worker_id = "victim"});
  run(test::note_start(victim, fetch_one(victim)));
  run(Workers(broker_).recover_from("victim", "q"));
  const Received d = fetch_one(broker_);
  say("HDEL", "dramatiq:q.msgs", d.redis_message_id);
  EXPECT_EQ(run(broker_.requeue("q", {d.redis_message_id})), 0);
  EXPECT_EQ(keys(), Ids{});
}

// A death is of what ran: not of what was only fetched, given back, or settled in whatever way.
TEST_F(RecoveryTest, OnlyWhatRanDied) {
  enqueue(broker_, {"settled", "buried", "given back", "ran", "fetched"});
  const Broker victim({.worker_id = "victim"});
  const auto held = run(victim.fetch("q", 5)).deliveries;
  for (std::size_t i = 0; i < 4; ++i) run(test::note_start(victim, held[i]));
  EXPECT_TRUE(run(test::ack(victim, held[0])));
  EXPECT_TRUE(run(test::dead(victim, held[1], held[1].message)));
  EXPECT_EQ(run(victim.requeue("q", {held[2].redis_message_id})), 1);
  EXPECT_EQ(words(say("SMEMBERS", "dramatiq:__medsynth__.running.victim.q")), Ids{held[3].redis_message_id});
  EXPECT_EQ(run(Workers(broker_).recover_from("victim", "q")), 2);
  std::map<std::string, std::int64_t> deaths;
  for (const Received& d : run(broker_.fetch("q", 5)).deliveries)
    deaths[d.message.message_id] = run(test::note_start(broker_, d));
  EXPECT_EQ(deaths, (std::map<std::string, std::int64_t>{{"ran", 1}, {"fetched", 0}, {"given back", 0}}));
}

// Python was faster and put the dead worker's messages back: the death is counted all the same, also when
// another one has the message by now.
TEST_F(RecoveryTest, DeathsOfWorkersThatPythonRecoveredCount) {
  enqueue(broker_, {"waits", "taken"});
  const Broker victim({.worker_id = "victim"});
  run(Workers(victim).enter(1));
  const auto held = run(victim.fetch("q", 2)).deliveries;
  for (const Received& d : held) run(test::note_start(victim, d));
  for (const Received& d : held) say("RPUSH", "dramatiq:q", d.redis_message_id);
  say("DEL", "dramatiq:__acks__.victim.q");
  say("ZREM", "dramatiq:__heartbeats__", "victim");
  const Received taken = fetch_one(other_);
  EXPECT_EQ(run(Workers(broker_).recover("q", 1h)), 0);
  EXPECT_EQ(run(test::note_start(broker_, fetch_one(broker_))), 1);
  EXPECT_EQ(run(test::note_start(other_, taken)), 1);
}

// Many at once count as one by one: each death of each, and each worker once.
TEST_F(RecoveryTest, DeathsOfManyAreCountedTogether) {
  enqueue(broker_, {"1", "2", "3"});
  for (std::int64_t deaths = 0; deaths < 3; ++deaths) {
    const Broker victim({.worker_id = "victim-" + std::to_string(deaths)});
    Ids held;
    for (const Received& d : run(victim.fetch("q", 3)).deliveries) held.push_back(d.redis_message_id);
    ASSERT_EQ(held.size(), 3u);
    for (int again = 0; again < 2; ++again)
      EXPECT_EQ(run(victim.note_starts("q", held)), std::vector<std::int64_t>(3, deaths));
    EXPECT_EQ(run(Workers(broker_).recover_from(victim.options().worker_id, "q")), 3);
  }
}

// A Python worker settled what one of ours died running: the count goes with the housekeeping.
TEST_F(RecoveryTest, CountsOfMessagesThatOthersSettledAreCleared) {
  enqueue(broker_, {"m1"});
  run(test::note_start(broker_, fetch_one(broker_)));
  run(Workers(other_).recover_from("worker-a", "q"));
  say("DEL", "dramatiq:q", "dramatiq:q.msgs");
  EXPECT_EQ(keys(), Ids{"dramatiq:__medsynth__.deaths.q"});
  run(Workers(broker_).recover("q"));
  EXPECT_EQ(keys(), Ids{});
}

}  // namespace
}  // namespace medsynth::dramatiq
