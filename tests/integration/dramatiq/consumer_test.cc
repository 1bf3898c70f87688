#include "medsynth/dramatiq/consumer.h"

#include <atomic>
#include <map>
#include <mutex>

#include "fixture.h"

namespace medsynth::dramatiq {
namespace {

using Ids = std::vector<std::string>;

class ConsumerTest : public RedisTest {
 protected:
  const Broker broker_{{.worker_id = "worker-a"}};
};

TEST_F(ConsumerTest, HandsOutWhatWasEnqueuedAndLeavesNothing) {
  {
    Consumer consumer(*client_, broker_, {.queues = {"q"}});
    enqueue(broker_, {"m1"});
    const auto d = consumer.take(5s);
    ASSERT_TRUE(d);
    EXPECT_EQ(d->message.message_id, "m1");
    EXPECT_TRUE(consumer.ack(*d));
    EXPECT_FALSE(consumer.take(20ms));
  }
  EXPECT_EQ(words(say("KEYS", "*")), Ids{});  // it has unregistered, too
}

// Polling once a minute, only the bell can wake it.
TEST_F(ConsumerTest, TheBellWakesAnIdleConsumer) {
  for (const bool keyspace : {false, true}) {
    Consumer consumer(*client_, broker_, {.queues = {"q"}, .poll_min = 60s, .poll_max = 60s});
    ASSERT_TRUE(eventually([&] { return words(say("KEYS", "*workers")).size() == 1; }));
    const auto producer = connect(*server_);
    std::jthread later([&] {
      std::this_thread::sleep_for(50ms);
      auto commands = broker_.enqueue_commands(message("m1"));
      if (keyspace) commands.pop_back();  // as a Python producer: no PUBLISH
      EXPECT_TRUE(producer->send(commands));
    });
    const auto d = consumer.take(5s);
    ASSERT_TRUE(d) << keyspace;
    consumer.ack(*d);
  }
}

// A message that its taker starts at once is counted as started while it is fetched; one that waits for
// admission is not.
TEST_F(ConsumerTest, OnlyWhatStartsAtOnceIsCountedAsStarted) {
  for (const bool waits : {false, true}) {
    Consumer consumer(*client_, broker_,
                      {.queues = {"q"}, .prefetch = 0, .expected_work = [waits](const Message&) {
                         return waits ? std::nullopt : std::optional(10us);
                       }});
    int counted = 0;
    const auto one = [&] {
      std::jthread later([&] {
        std::this_thread::sleep_for(5ms);  // so that a taker waits, as a rule
        enqueue(broker_, {"m1"});
      });
      const auto taken = consumer.take_some(5s);
      if (taken.size() != 1) return false;
      const auto deaths = taken.front().deaths;
      counted += deaths.has_value();
      EXPECT_EQ(say("SCARD", "dramatiq:__medsynth__.running.worker-a.q").integer, deaths ? 1 : 0);
      EXPECT_EQ(deaths.value_or(0), 0);
      EXPECT_EQ(taken.front().unaborted, deaths.has_value());
      return consumer.ack(taken.front());
    };
    if (waits) {
      for (int i = 0; i < 10; ++i) EXPECT_TRUE(one());
      EXPECT_EQ(counted, 0);
    } else {
      EXPECT_TRUE(eventually([&] { return one() && counted > 0; }));
    }
  }
}

// After brief ones the next is noted as started while it is fetched; when it then waits for admission, that
// is taken back: should the worker die now, it did not die of this one.
TEST_F(ConsumerTest, WhatWaitsAfterBriefOnesIsNotCountedAsStarted) {
  Consumer consumer(*client_, broker_,
                    {.queues = {"q"}, .prefetch = 0, .expected_work = [](const Message& message) {
                       return message.message_id == "brief" ? std::optional(10us) : std::nullopt;
                     }});
  const auto next = [&](const char* id) {
    std::jthread later([&] {
      std::this_thread::sleep_for(5ms);  // so that a taker waits, as a rule
      enqueue(broker_, {id});
    });
    return consumer.take_some(5s);
  };
  for (int i = 0; i < 10; ++i) {
    const auto brief = next("brief");
    ASSERT_EQ(brief.size(), 1u);
    EXPECT_TRUE(consumer.ack(brief.front()));
    const auto waits = next("waits");
    ASSERT_EQ(waits.size(), 1u);
    EXPECT_FALSE(waits.front().deaths);
    EXPECT_FALSE(waits.front().unaborted);
    EXPECT_EQ(say("SCARD", "dramatiq:__medsynth__.running.worker-a.q").integer, 0);
    EXPECT_TRUE(consumer.ack(waits.front()));
  }
}

// Redis sends no events and the producer rings no bell: it is found by looking.
TEST_F(ConsumerTest, WithoutABellItPolls) {
  say("CONFIG", "SET", "notify-keyspace-events", "");
  Consumer consumer(*client_, broker_, {.queues = {"q"}});
  EXPECT_FALSE(consumer.take(200ms));
  auto commands = broker_.enqueue_commands(message("m1"));
  commands.pop_back();
  ASSERT_TRUE(client_->send(commands));
  const auto d = consumer.take(5s);
  say("CONFIG", "SET", "notify-keyspace-events", "KEA");
  ASSERT_TRUE(d);
  consumer.ack(*d);
}

TEST_F(ConsumerTest, TwoShareTwoThousandMessagesEachExactlyOnce) {
  const Broker other({.worker_id = "worker-b"});
  const auto second_client = connect(*server_);
  Consumer first(*client_, broker_, {.queues = {"q"}, .prefetch = 8});
  Consumer second(*second_client, other, {.queues = {"q"}, .prefetch = 8});
  std::mutex mutex;
  std::map<std::string, int> runs;
  std::map<Consumer*, int> shares;
  std::vector<std::jthread> threads;
  for (Consumer* consumer : {&first, &second, &first, &second})
    threads.emplace_back([&, consumer](std::stop_token stop) {
      while (!stop.stop_requested()) {
        const auto d = consumer->take(50ms, stop);
        if (!d) continue;
        EXPECT_TRUE(consumer->ack(*d));
        const std::lock_guard lock(mutex);
        ++runs[d->message.message_id], ++shares[consumer];
      }
    });
  for (int i = 0; i < 2000; ++i) run(broker_.enqueue(message(std::to_string(i))));
  EXPECT_TRUE(eventually([&] { return keys().empty(); }, 60s));
  threads.clear();
  EXPECT_EQ(runs.size(), 2000u);
  for (const auto& [id, count] : runs) EXPECT_EQ(count, 1) << id;
  EXPECT_GT(shares[&first], 0);
  EXPECT_GT(shares[&second], 0);
  EXPECT_EQ(first.lost_leases() + second.lost_leases(), 0);
}

// A retry comes back when it is due, not before, and under its own message id.
TEST_F(ConsumerTest, ARetryComesBackWhenItIsDue) {
  Consumer consumer(*client_, broker_, {.queues = {"q"}});
  enqueue(broker_, {"m1"});
  const auto first = consumer.take(5s);
  ASSERT_TRUE(first);
  Message updated = first->message;
  updated.set_option("retries", "1");
  const WallTime eta = system_clock().now() + 300ms;
  EXPECT_TRUE(consumer.retry(*first, updated, eta));
  const auto second = consumer.take(10s);
  ASSERT_TRUE(second);
  EXPECT_GE(system_clock().now(), eta - 1ms);
  EXPECT_EQ(second->queue, "q");
  EXPECT_EQ(second->message.message_id, "m1");
  EXPECT_EQ(second->message.option("retries"), "1");
  EXPECT_TRUE(consumer.dead(*second, second->message, "given up"));
  EXPECT_EQ(run(broker_.depth("q")).dead, 1);
}

// Messages due far in the future are held back; one that the dashboard requeued (past eta, plain queue) runs
// at once.
TEST_F(ConsumerTest, OnlyDueMessagesAreHandedOut) {
  Consumer consumer(*client_, broker_, {.queues = {"q"}});
  enqueue(broker_, {"later"}, system_clock().now() + 1h);
  Message again = message("again");
  again.set_option("eta", "1600000000000");
  again.set_option("retries", "0");
  run(broker_.enqueue(again));
  const auto d = consumer.take(5s);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->message.message_id, "again");
  consumer.ack(*d);
  EXPECT_FALSE(consumer.take(200ms));
  // It is with the scheduler, for any of our workers.
  EXPECT_EQ(words(say("ZRANGE", "dramatiq:__medsynth__.due.q", 0, -1)).size(), 1u);
}

// An eta in the future on a plain queue: it is moved to the delay queue and comes back when it is due.
TEST_F(ConsumerTest, AnEtaOnAPlainQueueIsHonoured) {
  Consumer consumer(*client_, broker_, {.queues = {"q"}});
  const WallTime eta = system_clock().now() + 300ms;
  Message early = message("early");
  early.set_option("eta", std::to_string(millis(eta)));
  run(broker_.enqueue(early));
  const auto d = consumer.take(10s);
  ASSERT_TRUE(d);
  EXPECT_GE(system_clock().now(), eta - 1ms);
  EXPECT_EQ(d->message.message_id, "early");
  EXPECT_TRUE(consumer.ack(*d));
}

// 3,000 messages are due in an hour: one that is due soon is not behind them, and nobody's hand is full of
// them.
TEST_F(ConsumerTest, SoonDueMessagesDoNotWaitBehindFarOnes) {
  std::vector<Outgoing> far;
  for (int i = 0; i < 3000; ++i)
    far.push_back({message("far" + std::to_string(i)), system_clock().now() + 1h});
  run(broker_.enqueue(std::move(far)));
  enqueue(broker_, {"soon"}, system_clock().now() + 200ms);
  Consumer consumer(*client_, broker_, {.queues = {"q"}});
  const auto d = consumer.take(20s);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->message.message_id, "soon");
  consumer.ack(*d);
  EXPECT_TRUE(eventually([&] { return say("ZCARD", "dramatiq:__medsynth__.due.q").integer == 3000; }));
  EXPECT_EQ(say("EXISTS", "dramatiq:__acks__.worker-a.q.DQ").integer, 0);
}

// With prefetch 2, one running and two in hand, the rest stays for others.
TEST_F(ConsumerTest, NeverHoldsMoreThanItsPrefetch) {
  enqueue(broker_, {"1", "2", "3", "4", "5", "6"});
  Consumer consumer(*client_, broker_, {.queues = {"q"}, .prefetch = 2});
  const auto running = consumer.take(5s);
  ASSERT_TRUE(running);
  EXPECT_TRUE(eventually([&] { return run(broker_.depth("q")).running == 3; }));
  EXPECT_FALSE(eventually([&] { return run(broker_.depth("q")).running > 3; }, 300ms));
  consumer.ack(*running);
}

// On stop, those not handed out go back in order; the one that runs is settled afterwards.
TEST_F(ConsumerTest, StopGivesBackInOrderAndLetsTheRunningOneSettle) {
  enqueue(broker_, {"1", "2", "3", "4", "5"});
  {
    Consumer consumer(*client_, broker_, {.queues = {"q"}, .prefetch = 3});
    const auto running = consumer.take(5s);
    ASSERT_TRUE(running);
    ASSERT_TRUE(eventually([&] { return run(broker_.depth("q")).running == 4; }));
    consumer.stop(5s);
    EXPECT_FALSE(consumer.take(10ms));
    EXPECT_EQ(run(broker_.depth("q")).running, 1);
    EXPECT_TRUE(consumer.ack(*running));
  }
  const Broker next({.worker_id = "next"});
  EXPECT_EQ(ids(run(next.fetch("q", 10))), (Ids{"2", "3", "4", "5"}));
}

TEST_F(ConsumerTest, AMessageGivenBackIsTheNextOne) {
  enqueue(broker_, {"1", "2"});
  Consumer consumer(*client_, broker_, {.queues = {"q"}, .prefetch = 0});
  const auto d = consumer.take(5s);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->message.message_id, "1");
  consumer.give_back(*d);
  const auto again = consumer.take(5s);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->message.message_id, "1");
  consumer.ack(*again);
}

// Three wait for admission when the second gives up: it holds the others up no longer than they take to
// decide, and all that has not started is on the queue again in its order, before any of it is fetched anew.
TEST_F(ConsumerTest, WhatCannotStartGoesBackInOrder) {
  enqueue(broker_, {"1", "2", "3", "4", "5"});
  Consumer consumer(*client_, broker_, {.queues = {"q"}, .prefetch = 4, .expected_work = [](const Message&) {
                                          return std::optional<std::chrono::microseconds>();
                                        }});
  std::map<std::string, Delivery> taken;
  for (int i = 0; i < 3; ++i) {
    auto some = consumer.take_some(5s);
    ASSERT_EQ(some.size(), 1u);
    taken[some[0].message.message_id] = some[0];
  }
  consumer.give_back(taken["2"]);
  EXPECT_TRUE(consumer.take_some(100ms).empty());
  consumer.started(taken["1"]);
  consumer.stop(5s);  // so that the queue can be looked at
  consumer.give_back(taken["3"]);
  const Broker next({.worker_id = "next"});
  EXPECT_EQ(ids(run(next.fetch("q", 10))), (Ids{"2", "3", "4", "5"}));
  EXPECT_TRUE(consumer.ack(taken["1"]));
}

// Short ones come together, and are settled together without waiting.
TEST_F(ConsumerTest, ShortMessagesAreHandedOutAndSettledTogether) {
  Ids names;
  for (int i = 0; i < 500; ++i) names.push_back(std::to_string(i));
  std::vector<Outgoing> many;
  for (const auto& name : names) many.push_back({message(name)});
  run(broker_.enqueue(std::move(many)));
  Ids seen;
  std::atomic<int> ours{0};
  std::size_t takes = 0;
  {
    Consumer consumer(*client_, broker_, {.queues = {"q"}, .expected_work = [](const Message&) {
                                            return std::optional(std::chrono::microseconds(5));
                                          }});
    while (seen.size() < 500) {
      auto some = consumer.take_some(5s);
      ASSERT_FALSE(some.empty());
      ++takes;
      for (Delivery& d : some) {
        seen.push_back(d.message.message_id);
        consumer.settle({.lease = std::move(d)}, [&](bool settled) { ours += settled; });
      }
    }
    EXPECT_TRUE(consumer.wait_settled(5s));
  }
  EXPECT_EQ(seen, names);
  EXPECT_LT(takes, 100u);
  EXPECT_EQ(ours, 500);
  EXPECT_EQ(keys(), Ids{});
}

TEST_F(ConsumerTest, TakeEndsWhenItIsStopped) {
  Consumer consumer(*client_, broker_, {.queues = {"q"}});
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(20ms);
    stop.request_stop();
  });
  EXPECT_FALSE(consumer.take(60s, stop.get_token()));
  std::jthread stopper([&] {
    std::this_thread::sleep_for(20ms);
    consumer.stop(5s);
  });
  EXPECT_FALSE(consumer.take(60s));
}

// Another worker of ours falls silent: its message is taken over on the timer, without anybody's help.
TEST_F(ConsumerTest, RecoversTheMessagesOfASilentWorker) {
  const BrokerOptions fast{.worker_id = "survivor", .our_timeout = 400ms, .heartbeat_timeout = 800ms};
  const Broker survivor(fast), silent({.worker_id = "silent"});
  enqueue(broker_, {"m1"});
  run(silent.register_worker(1));
  ASSERT_EQ(run(silent.fetch("q", 1)).deliveries.size(), 1u);
  Consumer consumer(*client_, survivor,
                    {.queues = {"q"}, .heartbeat = 100ms, .maintenance = 50ms, .sweep = 100ms});
  const auto d = consumer.take(10s);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->message.message_id, "m1");
  consumer.ack(*d);
  // And once it holds nothing, it is forgotten.
  EXPECT_TRUE(
      eventually([&] { return words(say("ZRANGE", "dramatiq:__heartbeats__", 0, -1)) == Ids{"survivor"}; }));
}

// Its heartbeat goes on while a task runs, so nobody takes that task over.
TEST_F(ConsumerTest, AWorkerThatIsBusyKeepsItsLease) {
  const BrokerOptions fast{.worker_id = "busy", .our_timeout = 400ms, .heartbeat_timeout = 800ms};
  const Broker busy(fast), rival({.worker_id = "rival", .our_timeout = 400ms, .heartbeat_timeout = 800ms});
  const auto rival_client = connect(*server_);
  enqueue(broker_, {"m1"});
  Consumer consumer(*client_, busy, {.queues = {"q"}, .heartbeat = 50ms});
  const auto d = consumer.take(5s);
  ASSERT_TRUE(d);
  Consumer other(*rival_client, rival, {.queues = {"q"}, .heartbeat = 50ms, .maintenance = 50ms});
  EXPECT_FALSE(other.take(1500ms));
  EXPECT_TRUE(consumer.ack(*d));
}

}  // namespace
}  // namespace medsynth::dramatiq
