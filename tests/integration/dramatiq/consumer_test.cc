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
    auto d = consumer.take(5s);
    ASSERT_TRUE(d);
    EXPECT_EQ(d->message.message_id, "m1");
    EXPECT_TRUE(ack(consumer, broker_, std::move(*d)));
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
    auto d = consumer.take(5s);
    ASSERT_TRUE(d) << keyspace;
    ack(consumer, broker_, std::move(*d));
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
      auto taken = consumer.take_some(5s);
      if (taken.size() != 1) return false;
      const bool marked = taken.front().marked;
      counted += marked;
      EXPECT_EQ(say("SCARD", "dramatiq:__medsynth__.running.worker-a.q").integer, marked ? 1 : 0);
      EXPECT_EQ(taken.front().unaborted, marked);
      return ack(consumer, broker_, std::move(taken.front()));
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
    auto brief = next("brief");
    ASSERT_EQ(brief.size(), 1u);
    EXPECT_TRUE(ack(consumer, broker_, std::move(brief.front())));
    auto waits = next("waits");
    ASSERT_EQ(waits.size(), 1u);
    EXPECT_FALSE(waits.front().marked);
    EXPECT_FALSE(waits.front().unaborted);
    EXPECT_EQ(say("SCARD", "dramatiq:__medsynth__.running.worker-a.q").integer, 0);
    EXPECT_TRUE(ack(consumer, broker_, std::move(waits.front())));
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
  auto d = consumer.take(5s);
  say("CONFIG", "SET", "notify-keyspace-events", "KEA");
  ASSERT_TRUE(d);
  ack(consumer, broker_, std::move(*d));
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
        auto d = consumer->take(50ms, stop);
        if (!d) continue;
        const std::string id = d->message.message_id;
        EXPECT_TRUE(ack(*consumer, consumer == &first ? broker_ : other, std::move(*d)));
        const std::lock_guard lock(mutex);
        ++runs[id], ++shares[consumer];
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
  auto first = consumer.take(5s);
  ASSERT_TRUE(first);
  Message updated = first->message;
  updated.set_option("retries", "1");
  const WallTime eta = system_clock().now() + 300ms;
  EXPECT_TRUE(test::settle(*client_, broker_, consumer, std::move(*first),
                           {.kind = Settlement::Kind::move, .updated = updated, .eta = eta}));
  auto second = consumer.take(10s);
  ASSERT_TRUE(second);
  EXPECT_GE(system_clock().now(), eta - 1ms);
  EXPECT_EQ(second->queue, "q");
  EXPECT_EQ(second->message.message_id, "m1");
  EXPECT_EQ(second->message.option("retries"), "1");
  EXPECT_TRUE(test::settle(*client_, broker_, consumer, std::move(*second),
                           {.kind = Settlement::Kind::dead, .reason = "given up"}));
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
  auto d = consumer.take(5s);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->message.message_id, "again");
  ack(consumer, broker_, std::move(*d));
  EXPECT_FALSE(consumer.take(200ms));
  // It is with the scheduler, for any of our workers.
  EXPECT_EQ(words(say("ZRANGE", "dramatiq:__medsynth__.due.q", 0, -1)).size(), 1u);
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
  auto d = consumer.take(20s);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->message.message_id, "soon");
  ack(consumer, broker_, std::move(*d));
  EXPECT_TRUE(eventually([&] { return say("ZCARD", "dramatiq:__medsynth__.due.q").integer == 3000; }));
  EXPECT_EQ(say("EXISTS", "dramatiq:__acks__.worker-a.q.DQ").integer, 0);
}

// With prefetch 2, one running and two in hand, the rest stays for others.
TEST_F(ConsumerTest, NeverHoldsMoreThanItsPrefetch) {
  enqueue(broker_, {"1", "2", "3", "4", "5", "6"});
  Consumer consumer(*client_, broker_, {.queues = {"q"}, .prefetch = 2});
  auto running = consumer.take(5s);
  ASSERT_TRUE(running);
  EXPECT_TRUE(eventually([&] { return run(broker_.depth("q")).running == 3; }));
  EXPECT_FALSE(eventually([&] { return run(broker_.depth("q")).running > 3; }, 300ms));
  ack(consumer, broker_, std::move(*running));
}

// On stop, those not handed out go back in order; the one that runs is settled afterwards.
TEST_F(ConsumerTest, StopGivesBackInOrderAndLetsTheRunningOneSettle) {
  enqueue(broker_, {"1", "2", "3", "4", "5"});
  {
    Consumer consumer(*client_, broker_, {.queues = {"q"}, .prefetch = 3});
    auto running = consumer.take(5s);
    ASSERT_TRUE(running);
    ASSERT_TRUE(eventually([&] { return run(broker_.depth("q")).running == 4; }));
    consumer.stop(5s);
    EXPECT_FALSE(consumer.take(10ms));
    EXPECT_EQ(run(broker_.depth("q")).running, 1);
    EXPECT_TRUE(ack(consumer, broker_, std::move(*running)));
  }
  const Broker next({.worker_id = "next"});
  EXPECT_EQ(ids(run(next.fetch("q", 10))), (Ids{"2", "3", "4", "5"}));
}

TEST_F(ConsumerTest, AMessageGivenBackIsTheNextOne) {
  enqueue(broker_, {"1", "2"});
  Consumer consumer(*client_, broker_, {.queues = {"q"}, .prefetch = 0});
  auto d = consumer.take(5s);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->message.message_id, "1");
  d.reset();  // one that is dropped gives itself back
  auto again = consumer.take(5s);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->message.message_id, "1");
  ack(consumer, broker_, std::move(*again));
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
    const std::string id = some[0].message.message_id;
    taken.emplace(id, std::move(some[0]));
  }
  taken.erase("2");
  EXPECT_TRUE(consumer.take_some(100ms).empty());
  consumer.started(taken.at("1"));
  consumer.stop(5s);  // so that the queue can be looked at
  taken.erase("3");
  const Broker next({.worker_id = "next"});
  EXPECT_EQ(ids(run(next.fetch("q", 10))), (Ids{"2", "3", "4", "5"}));
  EXPECT_TRUE(ack(consumer, broker_, std::move(taken.at("1"))));
}

// Short ones come together.
TEST_F(ConsumerTest, ShortMessagesAreHandedOutTogether) {
  Ids names;
  for (int i = 0; i < 500; ++i) names.push_back(std::to_string(i));
  std::vector<Outgoing> many;
  for (const auto& name : names) many.push_back({message(name)});
  run(broker_.enqueue(std::move(many)));
  Ids seen;
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
        EXPECT_TRUE(ack(consumer, broker_, std::move(d)));
      }
    }
  }
  EXPECT_EQ(seen, names);
  EXPECT_LT(takes, 100u);
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
  run(Workers(silent).enter(1));
  ASSERT_EQ(run(silent.fetch("q", 1)).deliveries.size(), 1u);
  Consumer consumer(*client_, survivor,
                    {.queues = {"q"}, .heartbeat = 100ms, .maintenance = 50ms, .sweep = 100ms});
  auto d = consumer.take(10s);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->message.message_id, "m1");
  ack(consumer, survivor, std::move(*d));
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
  auto d = consumer.take(5s);
  ASSERT_TRUE(d);
  Consumer other(*rival_client, rival, {.queues = {"q"}, .heartbeat = 50ms, .maintenance = 50ms});
  EXPECT_FALSE(other.take(1500ms));
  EXPECT_TRUE(ack(consumer, busy, std::move(*d)));
}

}  // namespace
}  // namespace medsynth::dramatiq
