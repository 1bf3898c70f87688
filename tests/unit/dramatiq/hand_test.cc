#include "medsynth/dramatiq/hand.h"

#include <gtest/gtest.h>

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;
using Returns = std::map<std::string, Ids>;

constexpr Hand::Work kWaits = std::nullopt;  // for admission

Received delivery(std::string queue, std::string id) {
  return {{std::move(queue), std::move(id)}, {}};
}

Ids take(Hand& hand, std::chrono::microseconds work = 1ms, std::size_t count = 100) {
  Ids ids;
  for (const Received& d : hand.take(work, count)) ids.push_back(d.redis_message_id);
  return ids;
}

// Those that need no admission come together, up to the work that is asked for; one that waits comes alone.
TEST(Hand, GivesReadyOnesInTheOrderInWhichTheyCame) {
  Hand hand;
  for (const char* id : {"a", "b", "c"}) hand.add(delivery("q", id), 400us);
  hand.add(delivery("q", "waits"), kWaits);
  hand.add(delivery("q", "long"), 20ms);
  hand.add(delivery("q", "d"), 1us);
  EXPECT_EQ(hand.ready(), 6u);
  EXPECT_EQ(take(hand), (Ids{"a", "b"}));
  EXPECT_EQ(take(hand), (Ids{"c"}));
  EXPECT_EQ(take(hand), (Ids{"waits"}));
  EXPECT_EQ(take(hand), (Ids{"long"}));
  EXPECT_EQ(take(hand), (Ids{"d"}));
  EXPECT_EQ(take(hand), Ids{});
}

TEST(Hand, GivesNoMoreThanTheCount) {
  Hand hand;
  for (const char* id : {"a", "b", "c"}) hand.add(delivery("q", id), 0us);
  EXPECT_EQ(take(hand, 1ms, 2), (Ids{"a", "b"}));
}

// Somebody took its lease while it lay here, and it was fetched again before that was seen.
TEST(Hand, OneThatComesAgainIsGivenOnce) {
  Hand hand;
  for (const char* id : {"a", "b", "a"}) hand.add(delivery("q", id), 1us);
  EXPECT_EQ(hand.ready(), 2u);
  EXPECT_EQ(take(hand), (Ids{"a", "b"}));
}

// Its worker stood still, others gave it back to the queue, and it is fetched again while its first run goes
// on: that run settles it, and nothing of it is left here. (R5: a pointer to it was.)
TEST(Hand, OneThatComesAgainWhileItRunsIsLeftToThatRun) {
  for (const Hand::Work work : {kWaits, Hand::Work(1us)}) {
    Hand hand;
    hand.add(delivery("q", "a"), work);
    EXPECT_EQ(take(hand), Ids{"a"});
    hand.add(delivery("q", "a"), work);
    EXPECT_EQ(hand.ready(), 0u);
    hand.settled("a");
    EXPECT_EQ(take(hand), Ids{});
    hand.add(delivery("q", "b"), work);
    EXPECT_EQ(take(hand), Ids{"b"});
    hand.add(delivery("q", "b"), work);
    hand.give_back("b");
    EXPECT_EQ(hand.returns(), (Returns{{"q", {"b"}}}));
    hand.add(delivery("q", "b"), work);
    EXPECT_EQ(take(hand), Ids{"b"});
  }
}

// However it leaves, one that is ready is ready no more.
TEST(Hand, OneThatIsSettledOrGivenBackWhileItIsReadyIsNotGiven) {
  Hand hand;
  for (const char* id : {"a", "b", "c"}) hand.add(delivery("q", id), 1us);
  hand.settled("a");
  EXPECT_EQ(hand.ready(), 2u);
  hand.give_back("b");
  hand.settled("b");
  EXPECT_EQ(take(hand), Ids{"c"});
  hand.settled("c");
  EXPECT_EQ(hand.drain(), Returns{});
}

// Two wait; the first to give up is the second in order. Nothing goes back before the other is decided, and
// then both go, with what is ready behind them, in the order in which they were fetched.
TEST(Hand, WhatIsGivenBackGoesBackInOrder) {
  Hand hand;
  for (const char* id : {"1", "2", "3", "4"}) hand.add(delivery("q", id), kWaits);
  hand.add(delivery("other", "5"), kWaits);
  take(hand), take(hand), take(hand);
  hand.give_back("2");
  EXPECT_TRUE(hand.returning());
  EXPECT_EQ(hand.returns(), Returns{});
  EXPECT_EQ(hand.ready(), 0u);  // what is behind it must not overtake it
  EXPECT_EQ(take(hand), Ids{});
  hand.give_back("1");
  EXPECT_EQ(hand.returns(), Returns{});
  hand.started("3");
  EXPECT_EQ(hand.returns(), (Returns{{"q", {"1", "2", "4"}}, {"other", {"5"}}}));
  EXPECT_FALSE(hand.returning());
  EXPECT_EQ(hand.returns(), Returns{});
}

TEST(Hand, OneThatIsSettledWhileItWaitsHoldsUpNobody) {
  Hand hand;
  hand.add(delivery("q", "1"), kWaits);
  hand.add(delivery("q", "2"), kWaits);
  take(hand), take(hand);
  hand.give_back("2");
  hand.settled("1");
  EXPECT_EQ(hand.returns(), (Returns{{"q", {"2"}}}));
}

// Python took our lease of "a" while we were silent; an answer with "x" was lost. Running ones stay ours to
// settle.
TEST(Hand, ReconcilesWithTheAckSet) {
  Hand hand;
  for (const char* id : {"running", "a", "b"}) hand.add(delivery("q", id), 10ms);
  hand.add(delivery("other", "elsewhere"), 10ms);
  take(hand, 1us);
  const auto difference = hand.reconcile("q", {"b", "x"});
  EXPECT_EQ(difference.strangers, Ids{"x"});
  EXPECT_EQ(difference.lost, 1);
  EXPECT_EQ(take(hand, 1us), Ids{"b"});
  EXPECT_EQ(take(hand, 1us), Ids{"elsewhere"});
}

TEST(Hand, DrainsInOrderByQueue) {
  Hand hand;
  for (const char* id : {"running", "a", "b"}) hand.add(delivery("q", id), 10ms);
  hand.add(delivery("other", "c"), kWaits);
  take(hand, 1us);
  EXPECT_EQ(hand.drain(), (Returns{{"q", {"a", "b"}}, {"other", {"c"}}}));
  EXPECT_EQ(hand.ready(), 0u);
  EXPECT_EQ(hand.reconcile("q", {"running", "a"}).strangers, Ids{"a"});
}

}  // namespace
}  // namespace medsynth::dramatiq
