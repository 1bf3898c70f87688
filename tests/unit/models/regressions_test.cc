// Defects of other model caches and schedulers, each as the order of events that caused it.
#include <gtest/gtest.h>

#include "unit/models/plan_world.h"

namespace medsynth::models {
namespace {

using namespace std::chrono_literals;

struct Regression : testing::Test {
  World world{{.max_models = 2, .ttl = 1000ms}};

  void TearDown() override {
    world.settle();
    EXPECT_EQ(world.broken, "");
  }
  void load_idle(const std::string& id, Ticket ticket) {
    world.request(ticket, id);
    world.run().load(id);
    world.run().let_go(ticket);
    world.run().tick(1ms);
    world.run();
  }
};

// ollama #17408: an expiring runner is revived by a fast path, and the scheduler waits for its end for ever.
TEST_F(Regression, Ollama17408ExpiringModelIsUsedAgain) {
  load_idle("a", 1);
  world.now += 1000ms;
  world.observe();
  world.tick();                     // "a" is due: its claim is decided
  ASSERT_TRUE(world.take(2, "a"));  // and used before it is carried out
  world.request(3, "b");
  world.run().load("b");
  world.run();
  EXPECT_TRUE(world.unloads.empty());
  world.request(4, "c");  // needs a place: hears of the end of the use
  world.run().let_go(2);
  world.run();
  ASSERT_EQ(world.unloads.size(), 1U);
  EXPECT_EQ(world.unloads[0].first, "a");
}

// llama-swap #946: the unload at the end of the TTL races with a request.
TEST_F(Regression, LlamaSwap946TtlRacesWithRequest) {
  load_idle("a", 1);
  world.tick(1000ms);
  world.run();  // committed: it is gone
  EXPECT_FALSE(world.take(2, "a"));
  world.request(2, "a");
  world.run();
  EXPECT_EQ(world.started.size(), 1U);  // not before the old one's memory is back
  world.unload("a");
  world.run().load("a");
  world.run();
  EXPECT_EQ(world.granted.back(), 2U);
}

// llama.cpp #28443: a lost wake-up left one model queued for ever.
TEST_F(Regression, LlamaCpp28443EndOfUseWakesWhoWaits) {
  for (const auto& [ticket, id] : std::map<Ticket, std::string>{{1, "a"}, {2, "b"}}) {
    world.request(ticket, id);
    world.run().load(id);
    world.run();
  }
  world.request(3, "c");  // both in use: asks to hear of their ends,
  world.let_go(1);        // and one ends before that is carried out
  world.run();
  ASSERT_EQ(world.unloads.size(), 1U);
  world.unload("a");
  world.run();
  EXPECT_EQ(world.started.back(), "c");
}

// llama.cpp #28698: a model was evicted between "loaded" and "first request attached".
TEST_F(Regression, LlamaCpp28698LoadedModelHasItsUsersAtOnce) {
  world = World({.max_models = 1, .ttl = 0ms});
  world.request(1, "a");
  world.run().request(2, "b");
  world.run().load("a");
  world.tick(1s);
  world.run();
  EXPECT_TRUE(world.unloads.empty());
  EXPECT_EQ(world.granted, std::vector<Ticket>{1});
}

// triton core #448: only the head of the queue is tried, and a free one behind it waits, which deadlocks when
// the head waits for whoever asks.
TEST_F(Regression, TritonCore448BlockedHeadDoesNotBlockOthers) {
  world = World({.max_models = 3, .ttl = -1ms, .max_bytes = 10});
  world.request(1, "used", {.memory_bytes = 6});
  world.run().load("used");
  world.run().request(2, "large", {.memory_bytes = 8});
  world.run().request(3, "small", {.memory_bytes = 2});
  world.run();
  EXPECT_EQ(world.started.back(), "small");
}

// ollama: with equal times the alphabetically first idle model left, however hot it was.
TEST_F(Regression, OllamaVictimIsNotTheFirstByName) {
  world = World({.max_models = 2, .ttl = -1ms});
  load_idle("a", 1);
  load_idle("b", 2);
  for (Ticket ticket = 10; ticket < 20; ++ticket) {
    ASSERT_TRUE(world.take(ticket, "a"));
    world.let_go(ticket);
  }
  ASSERT_TRUE(world.take(30, "b"));
  world.let_go(30);
  world.request(3, "c");
  world.run();
  EXPECT_EQ(world.unloads.at(0).first, "b");
}

// ollama, surogate #140, modelmesh-serving #455: an impossible load unloaded everything first, then failed.
TEST_F(Regression, ImpossibleLoadEvictsNobody) {
  world = World({.max_models = 5, .ttl = -1ms, .max_bytes = 10});
  world.request(1, "a", {.memory_bytes = 4});
  world.run().load("a");
  world.run().let_go(1);
  world.run().request(2, "impossible", {.memory_bytes = 11});
  world.run();
  EXPECT_TRUE(world.unloads.empty());
  EXPECT_EQ(world.refused.at(0).second.reason, "does_not_fit");
}

// Lemonade: every failed load evicted every model. TF Serving: a failed model was never tried again.
TEST_F(Regression, FailedLoadEvictsNobodyAndIsTriedAgain) {
  load_idle("a", 1);
  world.request(2, "b");
  world.run().fail("b", {Code::internal, "broken", ""});
  world.run();
  EXPECT_TRUE(world.unloads.empty());
  world.tick(1000ms);
  world.run().unload("a");  // its time was over
  world.run().request(3, "b");
  world.run();
  EXPECT_EQ(world.started.back(), "b");
}

// ModelMesh unloaded a model with requests in flight after two minutes of waiting.
TEST_F(Regression, ModelMeshNeverUnloadsAModelInUse) {
  world.request(1, "a");
  world.run().load("a");
  world.run().remove("a");
  world.run().tick(std::chrono::hours(24));
  world.run();
  EXPECT_TRUE(world.unloads.empty());
}

// Roboflow unloads several models where one is enough; LocalAI the largest, though it is the hottest.
TEST_F(Regression, OnlyWhatIsNeededLeaves) {
  world = World({.max_models = 5, .ttl = -1ms, .max_bytes = 10});
  Ticket ticket = 1;
  for (const auto& [id, bytes] : std::map<std::string, std::uint64_t>{{"a", 3}, {"b", 3}, {"hot", 4}}) {
    world.request(ticket, id, {.memory_bytes = bytes});
    world.run().load(id);
    world.run().let_go(ticket++);
    world.run();
  }
  for (Ticket each = 10; each < 20; ++each) {
    ASSERT_TRUE(world.take(each, "hot"));
    world.let_go(each);
  }
  world.request(30, "new", {.memory_bytes = 3});
  world.run();
  ASSERT_EQ(world.unloads.size(), 1U);
  EXPECT_NE(world.unloads[0].first, "hot");
}

}  // namespace
}  // namespace medsynth::models
