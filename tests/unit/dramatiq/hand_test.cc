#include "medsynth/dramatiq/hand.h"

#include <gtest/gtest.h>

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{1'700'000'000'000ms};

Delivery delivery(std::string queue, std::string id, std::string eta = "") {
  Delivery d{.queue = std::move(queue), .redis_message_id = std::move(id), .message = {}};
  if (!eta.empty()) d.message.set_option("eta", eta);
  return d;
}

std::string taken(Hand& hand) {
  const auto d = hand.take();
  return d ? d->redis_message_id : "";
}

TEST(Hand, GivesReadyOnesInTheOrderInWhichTheyCame) {
  Hand hand;
  hand.add(delivery("q", "a"), kNow);
  hand.add(delivery("q", "b", "null"), kNow);
  EXPECT_EQ(hand.ready(), 2u);
  EXPECT_EQ(taken(hand), "a");
  EXPECT_EQ(taken(hand), "b");
  EXPECT_EQ(taken(hand), "");
}

// The dashboard requeues to the plain queue with an eta in the past: it runs at once. One in the future waits
// here.
TEST(Hand, AnEtaOnAPlainQueueIsHonoured) {
  Hand hand;
  hand.add(delivery("q", "past", "1600000000000"), kNow);
  hand.add(delivery("q", "future", "1700000001000"), kNow);
  EXPECT_EQ(taken(hand), "past");
  EXPECT_EQ(hand.delayed(), 1u);
  EXPECT_EQ(hand.next_due(), kNow + 1s);
  EXPECT_FALSE(hand.take_due(kNow + 999ms));
  EXPECT_EQ(taken(hand), "");
  EXPECT_FALSE(hand.take_due(kNow + 1s));  // nothing to move,
  EXPECT_EQ(taken(hand), "future");        // but it is ready now
}

// Those of a delay queue are moved when due, the earliest first, whatever order they came in.
TEST(Hand, DelayedOnesBecomeDueInTheOrderOfTheirEta) {
  Hand hand;
  hand.add(delivery("q.DQ", "late", "1700000005000"), kNow);
  hand.add(delivery("q.DQ", "soon", "1700000001000"), kNow);
  hand.add(delivery("q.DQ", "no eta"), kNow);
  hand.add(delivery("q.DQ", "no number", "\"x\""), kNow);
  EXPECT_EQ(hand.ready(), 0u);
  EXPECT_EQ(hand.take_due(kNow)->redis_message_id, "no eta");
  EXPECT_EQ(hand.take_due(kNow)->redis_message_id, "no number");
  EXPECT_FALSE(hand.take_due(kNow));
  EXPECT_EQ(hand.take_due(kNow + 10s)->redis_message_id, "soon");
  EXPECT_EQ(hand.take_due(kNow + 10s)->redis_message_id, "late");
  EXPECT_FALSE(hand.next_due());
}

// After a break: what we hold without a lease is dropped, what we lease without holding goes back, what was
// handed out stays.
TEST(Hand, ReconcilesWithTheAckSet) {
  Hand hand;
  hand.add(delivery("q", "handed out"), kNow);
  hand.add(delivery("q", "settled"), kNow);
  const auto out = hand.take();
  hand.settled(*hand.take());
  hand.add(delivery("q", "ours"), kNow);
  hand.add(delivery("q", "taken by another"), kNow);
  hand.add(delivery("q.DQ", "of another queue", "1700000005000"), kNow);
  const auto difference = hand.reconcile("q", {"handed out", "ours", "never came", "settled"});
  EXPECT_EQ(difference.strangers, (std::vector<std::string>{"never came", "settled"}));
  EXPECT_EQ(difference.lost, 1);
  EXPECT_EQ(hand.ready(), 1u);
  EXPECT_EQ(hand.delayed(), 1u);
  EXPECT_EQ(hand.reconcile("q.DQ", {}).lost, 1);
  EXPECT_EQ(hand.delayed(), 0u);
  EXPECT_EQ(taken(hand), "ours");
}

TEST(Hand, DrainsByQueueInOrderWithoutThoseHandedOut) {
  Hand hand;
  for (const char* id : {"out", "a", "b"}) hand.add(delivery("q", id), kNow);
  hand.add(delivery("q.DQ", "later", "1700000005000"), kNow);
  hand.add(delivery("q.DQ", "sooner", "1700000001000"), kNow);
  EXPECT_EQ(taken(hand), "out");
  const auto ids = hand.drain();
  EXPECT_EQ(ids, (std::map<std::string, std::vector<std::string>>{{"q", {"a", "b"}},
                                                                  {"q.DQ", {"sooner", "later"}}}));
  EXPECT_EQ(hand.ready() + hand.delayed(), 0u);
  EXPECT_EQ(hand.reconcile("q", {"out", "a"}).strangers, (std::vector<std::string>{"a"}));
}

}  // namespace
}  // namespace medsynth::dramatiq
