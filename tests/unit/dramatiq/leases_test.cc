#include "medsynth/dramatiq/leases.h"

#include <gtest/gtest.h>

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;
using Returns = std::map<std::string, Ids>;

constexpr Leases::Work kWaits = std::nullopt;  // for admission

Received delivery(std::string queue, std::string id) {
  return {{std::move(queue), std::move(id)}, {}};
}

Ids take(Leases& leases, std::chrono::microseconds work = 1ms, std::size_t count = 100) {
  Ids ids;
  for (const Received& d : leases.take(work, count)) ids.push_back(d.redis_message_id);
  return ids;
}

// Those that need no admission come together, up to the work that is asked for; one that waits comes alone.
TEST(Leases, GivesReadyOnesInTheOrderInWhichTheyCame) {
  Leases leases;
  for (const char* id : {"a", "b", "c"}) leases.add(delivery("q", id), 400us);
  leases.add(delivery("q", "waits"), kWaits);
  leases.add(delivery("q", "long"), 20ms);
  leases.add(delivery("q", "d"), 1us);
  EXPECT_EQ(leases.ready(), 6u);
  EXPECT_EQ(take(leases), (Ids{"a", "b"}));
  EXPECT_EQ(take(leases), (Ids{"c"}));
  EXPECT_EQ(take(leases), (Ids{"waits"}));
  EXPECT_EQ(take(leases), (Ids{"long"}));
  EXPECT_EQ(take(leases), (Ids{"d"}));
  EXPECT_EQ(take(leases), Ids{});
}

TEST(Leases, GivesNoMoreThanTheCount) {
  Leases leases;
  for (const char* id : {"a", "b", "c"}) leases.add(delivery("q", id), 0us);
  EXPECT_EQ(take(leases, 1ms, 2), (Ids{"a", "b"}));
}

// Somebody took its lease while it lay here, and it was fetched again before that was seen.
TEST(Leases, OneThatComesAgainIsGivenOnce) {
  Leases leases;
  for (const char* id : {"a", "b", "a"}) leases.add(delivery("q", id), 1us);
  EXPECT_EQ(leases.ready(), 2u);
  EXPECT_EQ(take(leases), (Ids{"a", "b"}));
}

// Its worker stood still, others gave it back to the queue, and it is fetched again while its first run goes
// on: that run settles it, and nothing of it is left here. (R5: a pointer to it was.)
TEST(Leases, OneThatComesAgainWhileItRunsIsLeftToThatRun) {
  for (const Leases::Work work : {kWaits, Leases::Work(1us)}) {
    Leases leases;
    leases.add(delivery("q", "a"), work);
    EXPECT_EQ(take(leases), Ids{"a"});
    leases.add(delivery("q", "a"), work);
    EXPECT_EQ(leases.ready(), 0u);
    leases.settled("a");
    EXPECT_EQ(take(leases), Ids{});
    leases.add(delivery("q", "b"), work);
    EXPECT_EQ(take(leases), Ids{"b"});
    leases.add(delivery("q", "b"), work);
    leases.give_back("b");
    EXPECT_EQ(leases.returns(), (Returns{{"q", {"b"}}}));
    leases.add(delivery("q", "b"), work);
    EXPECT_EQ(take(leases), Ids{"b"});
  }
}

// However it leaves, one that is ready is ready no more.
TEST(Leases, OneThatIsSettledOrGivenBackWhileItIsReadyIsNotGiven) {
  Leases leases;
  for (const char* id : {"a", "b", "c"}) leases.add(delivery("q", id), 1us);
  leases.settled("a");
  EXPECT_EQ(leases.ready(), 2u);
  leases.give_back("b");
  leases.settled("b");
  EXPECT_EQ(take(leases), Ids{"c"});
  leases.settled("c");
  EXPECT_EQ(leases.drain(), Returns{});
}

// Two wait; the first to give up is the second in order. Nothing goes back before the other is decided, and
// then both go, with what is ready behind them, in the order in which they were fetched.
TEST(Leases, WhatIsGivenBackGoesBackInOrder) {
  Leases leases;
  for (const char* id : {"1", "2", "3", "4"}) leases.add(delivery("q", id), kWaits);
  leases.add(delivery("other", "5"), kWaits);
  take(leases), take(leases), take(leases);
  leases.give_back("2");
  EXPECT_TRUE(leases.returning());
  EXPECT_EQ(leases.returns(), Returns{});
  EXPECT_EQ(leases.ready(), 0u);  // what is behind it must not overtake it
  EXPECT_EQ(take(leases), Ids{});
  leases.give_back("1");
  EXPECT_EQ(leases.returns(), Returns{});
  leases.started("3");
  EXPECT_EQ(leases.returns(), (Returns{{"q", {"1", "2", "4"}}, {"other", {"5"}}}));
  EXPECT_FALSE(leases.returning());
  EXPECT_EQ(leases.returns(), Returns{});
}

TEST(Leases, OneThatIsSettledWhileItWaitsHoldsUpNobody) {
  Leases leases;
  leases.add(delivery("q", "1"), kWaits);
  leases.add(delivery("q", "2"), kWaits);
  take(leases), take(leases);
  leases.give_back("2");
  leases.settled("1");
  EXPECT_EQ(leases.returns(), (Returns{{"q", {"2"}}}));
}

// Python took our lease of "a" while we were silent; an answer with "x" was lost. Running ones stay ours to
// settle.
TEST(Leases, ReconcilesWithTheAckSet) {
  Leases leases;
  for (const char* id : {"running", "a", "b"}) leases.add(delivery("q", id), 10ms);
  leases.add(delivery("other", "elsewhere"), 10ms);
  take(leases, 1us);
  const auto difference = leases.reconcile("q", {"b", "x"});
  EXPECT_EQ(difference.strangers, Ids{"x"});
  EXPECT_EQ(difference.lost, 1);
  EXPECT_EQ(take(leases, 1us), Ids{"b"});
  EXPECT_EQ(take(leases, 1us), Ids{"elsewhere"});
}

TEST(Leases, DrainsInOrderByQueue) {
  Leases leases;
  for (const char* id : {"running", "a", "b"}) leases.add(delivery("q", id), 10ms);
  leases.add(delivery("other", "c"), kWaits);
  take(leases, 1us);
  EXPECT_EQ(leases.drain(), (Returns{{"q", {"a", "b"}}, {"other", {"c"}}}));
  EXPECT_EQ(leases.ready(), 0u);
  EXPECT_EQ(leases.reconcile("q", {"running", "a"}).strangers, Ids{"a"});
}

}  // namespace
}  // namespace medsynth::dramatiq
