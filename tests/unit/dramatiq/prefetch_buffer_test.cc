#include "medsynth/dramatiq/prefetch_buffer.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "support/eventually.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using Ids = std::vector<std::string>;
using Work = std::vector<Leases::Work>;

constexpr auto kLong = 20s;

std::vector<Received> messages(const Ids& ids) {
  std::vector<Received> all;
  for (const std::string& id : ids) all.push_back({{"q", id}, {}});
  return all;
}

class PrefetchBufferTest : public testing::Test {
 protected:
  std::atomic<int> asked_{0};
  std::function<void()> ask() {
    return [this] { ++asked_; };
  }
  static Ids take(PrefetchBuffer& buffer, std::chrono::milliseconds timeout = 0ms) {
    Ids ids;
    for (const Received& each : buffer.take(100, timeout, {})) ids.push_back(each.redis_message_id);
    return ids;
  }
};

// Without takers as many as are to be prefetched; with takers one more for each.
TEST_F(PrefetchBufferTest, WantsWhatTakersWaitForAndTheRest) {
  PrefetchBuffer buffer(2, true, ask());
  EXPECT_EQ(buffer.wanted(), 2);
  std::jthread taker([&] { EXPECT_EQ(take(buffer, kLong), Ids{"a"}); });
  EXPECT_TRUE(eventually([&] { return buffer.wanted() == 3; }));
  EXPECT_GE(asked_, 1) << "a taker that finds nothing asks for more";
  buffer.add(messages({"a"}), {std::nullopt});
  taker.join();
  EXPECT_EQ(buffer.wanted(), 2);
}

// Of messages whose work is known so many are fetched ahead as fill 50 ms, and no more before half is gone.
TEST_F(PrefetchBufferTest, FetchesAheadWhatIsBrief) {
  PrefetchBuffer buffer(0, true, ask());
  EXPECT_FALSE(buffer.fetches_ahead());
  buffer.add(messages({"a", "b"}), Work(2, 500us));
  EXPECT_TRUE(buffer.fetches_ahead());
  EXPECT_EQ(buffer.wanted(), 98);
  Ids many;
  for (int i = 0; i < 98; ++i) many.push_back(std::to_string(i));
  buffer.add(messages(many), Work(98, 500us));
  EXPECT_EQ(buffer.wanted(), 0);
  while (take(buffer).size() == 2 && buffer.wanted() == 0) {
  }
  EXPECT_EQ(buffer.wanted(), 50);
  EXPECT_GE(asked_, 1);
}

TEST_F(PrefetchBufferTest, FetchesNothingAheadOfWhatWaitsOrIsNotKnown) {
  PrefetchBuffer waits(0, true, ask()), unknown(0, false, ask());
  waits.add(messages({"a", "b"}), {500us, std::nullopt});
  unknown.add(messages({"a"}), {0us});
  for (PrefetchBuffer* buffer : {&waits, &unknown}) {
    EXPECT_FALSE(buffer->fetches_ahead());
    EXPECT_EQ(buffer->wanted(), 0);
  }
}

// Together at most 1 ms of work, each known.
TEST_F(PrefetchBufferTest, OneSliceIsTakenAtOnce) {
  const PrefetchBuffer buffer(0, true, ask()), unknown(0, false, ask());
  EXPECT_TRUE(buffer.is_one_slice(Work(2, 500us)));
  EXPECT_FALSE(buffer.is_one_slice(Work(3, 500us)));
  EXPECT_FALSE(buffer.is_one_slice({500us, std::nullopt}));
  EXPECT_FALSE(buffer.is_one_slice(Work(257, 0us)));
  EXPECT_FALSE(buffer.is_one_slice({}));
  EXPECT_FALSE(unknown.is_one_slice({0us}));
}

// Else what is behind it would be fetched before it.
TEST_F(PrefetchBufferTest, NothingIsWantedWhileSomethingGoesBack) {
  PrefetchBuffer buffer(1, true, ask());
  buffer.add(messages({"a", "b"}), Work(2, std::nullopt));
  EXPECT_EQ(take(buffer), Ids{"a"});
  buffer.give_back({"a"});
  EXPECT_EQ(buffer.wanted(), 0);
  EXPECT_EQ(buffer.returns(), (PrefetchBuffer::Ids{{"q", {"a", "b"}}}));
  EXPECT_EQ(buffer.wanted(), 0);
  EXPECT_EQ(buffer.returns(), PrefetchBuffer::Ids{});
  buffer.returned();
  EXPECT_EQ(buffer.wanted(), 1);
}

// One taker is woken for what came, and wakes the next.
TEST_F(PrefetchBufferTest, EveryTakerGetsOne) {
  PrefetchBuffer buffer(0, true, ask());
  std::atomic<int> taken{0};
  {
    std::vector<std::jthread> takers;
    for (int i = 0; i < 4; ++i)
      takers.emplace_back([&] { taken += static_cast<int>(take(buffer, kLong).size()); });
    EXPECT_TRUE(eventually([&] { return buffer.wanted() == 4; }));
    buffer.add(messages({"a", "b", "c", "d"}), Work(4, std::nullopt));
  }
  EXPECT_EQ(taken, 4);
}

TEST_F(PrefetchBufferTest, ClosedItGivesNothingAndTakersLeave) {
  PrefetchBuffer buffer(3, true, ask());
  std::jthread taker([&] { EXPECT_EQ(take(buffer, kLong), Ids{}); });
  EXPECT_TRUE(eventually([&] { return buffer.wanted() == 4; }));
  buffer.close();
  taker.join();
  buffer.add(messages({"a"}), {1us});
  EXPECT_EQ(take(buffer), Ids{});
  EXPECT_EQ(buffer.wanted(), 0);
  EXPECT_EQ(buffer.drain(), (PrefetchBuffer::Ids{{"q", {"a"}}}));
}

// It goes back with what still waits to start, not before it.
TEST_F(PrefetchBufferTest, WhatIsGivenBackIsNotDrained) {
  PrefetchBuffer buffer(0, true, ask());
  buffer.add(messages({"a", "b", "c"}), {std::nullopt, std::nullopt, 1us});
  EXPECT_EQ(take(buffer), Ids{"a"});
  EXPECT_EQ(take(buffer), Ids{"b"});
  buffer.give_back({"b"});
  EXPECT_EQ(buffer.drain(), PrefetchBuffer::Ids{});
  buffer.started("a");
  EXPECT_EQ(buffer.returns(), (PrefetchBuffer::Ids{{"q", {"b", "c"}}}));
}

}  // namespace
}  // namespace medsynth::dramatiq
