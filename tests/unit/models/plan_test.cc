#include "medsynth/models/plan.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace medsynth::models {
namespace {

using namespace std::chrono_literals;

constexpr Now at(std::chrono::milliseconds time) {
  return {SteadyTime{time}, WallTime{time}};
}

const Error kBroken{Code::invalid_argument, "broken file", "not_a_model"};

struct PlanTest : testing::Test {
  Plan plan{{.max_models = 2, .ttl = 1000ms}};

  // A model that was loaded for one ticket and is no longer used.
  void load_idle(const std::string& id, Now now) {
    plan.request(ticket, id, {}, now);
    plan.loaded(id, 0.1, now);
    plan.release(id, now);
    ++ticket;
  }
  Ticket ticket = 100;
};

template <class T>
const T* only(const Effects& effects) {
  return effects.size() == 1 ? std::get_if<T>(&effects[0]) : nullptr;
}

// A cold model asked for by three: one load, whose end serves all three.
TEST_F(PlanTest, BurstCausesOneLoad) {
  EXPECT_EQ(plan.request(1, "a", {}, at(0ms)), (Effects{StartLoad{"a", 1}}));
  EXPECT_TRUE(plan.request(2, "a", {}, at(0ms)).empty());
  EXPECT_TRUE(plan.request(3, "a", {}, at(0ms)).empty());
  EXPECT_EQ(plan.loaded("a", 0.5, at(500ms)), (Effects{Grant{1, "a"}, Grant{2, "a"}, Grant{3, "a"}}));
  EXPECT_EQ(plan.request(4, "a", {}, at(600ms)), (Effects{Grant{4, "a"}}));
  const CacheStats stats = plan.stats(at(600ms));
  EXPECT_EQ(stats.misses, 1);
  EXPECT_EQ(stats.coalesced, 2);
  EXPECT_EQ(stats.hits, 1);
  EXPECT_EQ(stats.models[0].users, 4);
}

// Full, both idle: the one whose last use ended first goes, and the load waits until it has gone.
TEST_F(PlanTest, EvictsLeastRecentlyUsedIdle) {
  load_idle("a", at(0ms));
  load_idle("b", at(1ms));
  ASSERT_TRUE(plan.use("a", at(2ms)));
  plan.release("a", at(3ms));
  EXPECT_EQ(plan.request(1, "c", {}, at(4ms)), (Effects{Unload{"b", UnloadReason::evicted}}));
  EXPECT_EQ(plan.unloaded("b"), (Effects{StartLoad{"c", 1}}));
  EXPECT_EQ(plan.stats(at(5ms)).evictions, 1);
}

// Full, everything in use: who asks waits; the first place that falls free is theirs, in the order of asking.
TEST_F(PlanTest, WaitsForPlaceInOrder) {
  for (const auto* id : {"a", "b"}) {
    plan.request(1, id, {}, at(0ms));
    plan.loaded(id, 0, at(0ms));
  }
  EXPECT_TRUE(plan.request(2, "c", {}, at(1ms)).empty());
  EXPECT_TRUE(plan.request(3, "d", {}, at(1ms)).empty());
  EXPECT_EQ(plan.release("b", at(2ms)), (Effects{Unload{"b", UnloadReason::evicted}}));
  EXPECT_EQ(plan.unloaded("b"), (Effects{StartLoad{"c", 2}}));
  const auto left = plan.leave(3, "d");
  EXPECT_TRUE(left.for_place);
  EXPECT_TRUE(left.effects.empty());
}

// A victim that is asked for again while it leaves: loaded anew after it has gone, never used while it goes.
TEST_F(PlanTest, VictimThatIsAskedForAgainIsLoadedAnew) {
  load_idle("a", at(0ms));
  load_idle("b", at(1ms));
  plan.request(1, "c", {}, at(2ms));  // "a" leaves
  EXPECT_FALSE(plan.use("a", at(2ms)));
  EXPECT_EQ(plan.request(2, "a", {}, at(2ms)), (Effects{Unload{"b", UnloadReason::evicted}}));
  EXPECT_EQ(plan.unloaded("b"),
            (Effects{StartLoad{"c", 1}}));  // the place is there; the old "a" still leaves
  EXPECT_EQ(plan.unloaded("a"), (Effects{StartLoad{"a", 2}}));
}

// A place is kept for a model whose old self still leaves; its only waiter leaves: the next in the queue has
// it at once.
TEST_F(PlanTest, KeptPlaceIsHandedOn) {
  load_idle("a", at(0ms));
  plan.remove("a");
  EXPECT_TRUE(plan.request(1, "a", {}, at(1ms)).empty());
  EXPECT_TRUE(plan.request(2, "b", {}, at(1ms)).empty());
  EXPECT_EQ(plan.leave(1, "a").effects, (Effects{StartLoad{"b", 2}}));
}

// Two of three waiters leave: the load goes on. The last one leaves: it is told to stop.
TEST_F(PlanTest, LoadStopsWhenLastWaiterLeaves) {
  for (Ticket t = 1; t <= 3; ++t) plan.request(t, "a", {}, at(0ms));
  EXPECT_TRUE(plan.leave(1, "a").effects.empty());
  EXPECT_TRUE(plan.leave(3, "a").effects.empty());
  EXPECT_EQ(plan.leave(2, "a").effects, (Effects{StopLoad{"a"}}));
  EXPECT_TRUE(plan.load_failed("a", {Code::cancelled, "", ""}, at(1ms)).empty());
  EXPECT_EQ(plan.request(4, "a", {}, at(1ms)),
            (Effects{StartLoad{"a", 4}}));  // no backoff: nothing had failed
}

// Somebody asks while an abandoned load still ends: it is loaded again for them, they get no cancelled.
TEST_F(PlanTest, AbandonedLoadIsRepeatedForWhoComesLate) {
  plan.request(1, "a", {}, at(0ms));
  plan.leave(1, "a");
  EXPECT_TRUE(plan.request(2, "a", {}, at(0ms)).empty());
  EXPECT_EQ(plan.load_failed("a", {Code::cancelled, "", ""}, at(1ms)), (Effects{StartLoad{"a", 2}}));
}

// A failure reaches every waiter with one cause; then calls are refused at once, until the backoff ends; each
// further failure doubles it up to a minute; a success forgets it.
TEST_F(PlanTest, FailureBacksOff) {
  plan.request(1, "a", {}, at(0ms));
  plan.request(2, "a", {}, at(0ms));
  const Effects effects = plan.load_failed("a", kBroken, at(0ms));
  ASSERT_EQ(effects.size(), 2U);
  for (const Effect& effect : effects) {
    EXPECT_EQ(std::get<Refuse>(effect).error.message, "broken file");
    EXPECT_EQ(std::get<Refuse>(effect).error.retry_after, 1s);
  }
  const auto refused = plan.request(3, "a", {}, at(999ms));
  ASSERT_NE(only<Refuse>(refused), nullptr);
  EXPECT_EQ(only<Refuse>(refused)->error.retry_after, 1s);
  EXPECT_NE(only<StartLoad>(plan.request(4, "a", {}, at(1000ms))), nullptr);
  plan.load_failed("a", kBroken, at(1000ms));
  EXPECT_NE(only<Refuse>(plan.request(5, "a", {}, at(2999ms))), nullptr);
  EXPECT_NE(only<StartLoad>(plan.request(6, "a", {}, at(3000ms))), nullptr);
  plan.loaded("a", 0, at(3000ms));
  EXPECT_EQ(plan.stats(at(3000ms)).load_failures, 2);
}

// The time after a failure: 1 s, 2 s, 4 s ... 60 s, and no overflow.
TEST(Backoff, DoublesToAMinute) {
  EXPECT_EQ(backoff(1), 1s);
  EXPECT_EQ(backoff(2), 2s);
  EXPECT_EQ(backoff(6), 32s);
  EXPECT_EQ(backoff(7), 60s);
  EXPECT_EQ(backoff(1'000'000), 60s);
}

// A broken model asked for a hundred times a second for a minute is tried at most eight times.
TEST_F(PlanTest, BrokenModelIsRarelyTried) {
  int tries = 0;
  for (auto time = 0ms; time < 60s; time += 10ms) {
    if (only<StartLoad>(plan.request(1, "a", {}, at(time)))) {
      ++tries;
      plan.load_failed("a", kBroken, at(time));
    }
  }
  EXPECT_LE(tries, 8);
  EXPECT_GE(tries, 5);
}

// The TTL counts from the end of the last use, and a model in use has none.
TEST_F(PlanTest, TtlCountsFromEndOfUse) {
  plan.request(1, "a", {}, at(0ms));
  plan.loaded("a", 0, at(0ms));
  EXPECT_EQ(plan.next_due(), std::nullopt);
  EXPECT_TRUE(plan.expire(at(5000ms)).empty());
  plan.release("a", at(5000ms));
  EXPECT_EQ(plan.next_due(), SteadyTime{6000ms});
  EXPECT_TRUE(plan.expire(at(5999ms)).empty());
  EXPECT_EQ(plan.expire(at(6000ms)), (Effects{Unload{"a", UnloadReason::expired}}));
}

// Removal: an idle model goes now; one in use when its last user lets go, and who asked meanwhile gets a new
// one.
TEST_F(PlanTest, RemovalDrains) {
  EXPECT_EQ(plan.remove("a").first, Removal::absent);
  load_idle("a", at(0ms));
  EXPECT_EQ(plan.remove("a").first, Removal::removed);
  plan.unloaded("a");
  plan.request(1, "a", {}, at(1ms));
  plan.loaded("a", 0, at(1ms));
  EXPECT_EQ(plan.remove("a").first, Removal::draining);
  EXPECT_EQ(plan.stats(at(1ms)).models[0].state, "draining");
  EXPECT_FALSE(plan.use("a", at(1ms)));
  EXPECT_TRUE(plan.request(2, "a", {}, at(1ms)).empty());
  EXPECT_EQ(plan.release("a", at(2ms)), (Effects{Unload{"a", UnloadReason::removed}}));
  EXPECT_EQ(plan.unloaded("a"), (Effects{StartLoad{"a", 2}}));
}

// Removed while it loads: those who wait are served first.
TEST_F(PlanTest, RemovalDuringLoadServesWaitersFirst) {
  plan.request(1, "a", {}, at(0ms));
  EXPECT_EQ(plan.remove("a").first, Removal::draining);
  EXPECT_EQ(plan.loaded("a", 0, at(1ms)), (Effects{Grant{1, "a"}}));
  EXPECT_EQ(plan.release("a", at(2ms)), (Effects{Unload{"a", UnloadReason::removed}}));
}

// put: takes a place at once, replaces an idle model, never one in use, and never evicts one in use.
TEST_F(PlanTest, PutTakesAPlace) {
  ASSERT_TRUE(plan.put("a", {}, at(0ms)));
  const auto again = plan.put("a", {}, at(1ms));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, (Effects{Unload{"a", UnloadReason::replaced}}));
  plan.unloaded("a");
  ASSERT_TRUE(plan.use("a", at(1ms)));
  EXPECT_EQ(plan.put("a", {}, at(1ms)).error().code, Code::conflict);
  ASSERT_TRUE(plan.put("b", {}, at(1ms)));
  EXPECT_EQ(*plan.put("c", {}, at(1ms)), (Effects{Unload{"b", UnloadReason::evicted}}));
  ASSERT_TRUE(plan.use("c", at(1ms)));
  EXPECT_EQ(plan.put("d", {}, at(1ms)).error().code, Code::exhausted);
}

// A world that carries out effects at random moments, and knows what must never happen.
class World {
 public:
  explicit World(std::int64_t places) : places_(places), plan_({.max_models = places, .ttl = 50ms}) {}

  void step(int action, const std::string& id) {
    now_ += 7ms;
    switch (action) {
      case 0:
      case 1:
      case 2:
        request(id);
        break;
      case 3:
        if (loading_.contains(id)) loading_.erase(id), take(plan_.loaded(id, 0, at(now_)));
        break;
      case 4:
        if (loading_.contains(id)) loading_.erase(id), take(plan_.load_failed(id, kBroken, at(now_)));
        break;
      case 5:
        if (users_[id] > 0) --users_[id], take(plan_.release(id, at(now_)));
        break;
      case 6:
        unload_one(id);
        break;
      case 7:
        take(plan_.remove(id).second);
        break;
      case 8:
        take(plan_.expire(at(now_)));
        break;
      case 9:
        leave(id);
        break;
      default:
        break;
    }
    RC_ASSERT(plan_.places_taken() <= places_);
    RC_ASSERT(static_cast<std::int64_t>(loading_.size() + leaving_.size()) <= places_);
  }

  // Everything comes to its end: each load ends, each user lets go, each victim goes. Then nobody may still
  // wait.
  void settle() {
    for (int round = 0; round < 1000 && !(waiting_.empty() && loading_.empty() && leaving_.empty());
         ++round) {
      now_ += 1ms;
      for (const std::string& id : std::set<std::string>(loading_)) step(3, id);
      for (auto& [id, users] : users_) {
        while (users > 0) step(5, id);
      }
      for (const std::string& id : std::multiset<std::string>(leaving_)) step(6, id);
    }
    RC_ASSERT(waiting_.empty());
  }

 private:
  void request(const std::string& id) {
    waiting_[next_] = id;
    take(plan_.request(next_++, id, {}, at(now_)));
  }
  void leave(const std::string& id) {
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& each) { return each.second == id; });
    if (found == waiting_.end()) return;
    const Ticket ticket = found->first;
    waiting_.erase(found);
    take(plan_.leave(ticket, id).effects);
  }
  void unload_one(const std::string& id) {
    const auto found = leaving_.find(id);
    if (found == leaving_.end()) return;
    leaving_.erase(found);
    take(plan_.unloaded(id));
  }
  void answer(Ticket ticket) { RC_ASSERT(waiting_.erase(ticket) == 1U); }  // once, and never after it left

  void take(const Effects& effects) {
    for (const Effect& effect : effects) {
      if (const auto* grant = std::get_if<Grant>(&effect)) {
        answer(grant->ticket);
        RC_ASSERT(!leaving_.contains(grant->id));
        ++users_[grant->id];
      } else if (const auto* refuse = std::get_if<Refuse>(&effect)) {
        answer(refuse->ticket);
      } else if (const auto* start = std::get_if<StartLoad>(&effect)) {
        RC_ASSERT(waiting_.contains(start->ticket));
        RC_ASSERT(!leaving_.contains(start->id));
        RC_ASSERT(loading_.insert(start->id).second);
      } else if (const auto* unload = std::get_if<Unload>(&effect)) {
        RC_ASSERT(users_[unload->id] == 0);
        leaving_.insert(unload->id);
      }
    }
  }

  std::int64_t places_;
  Plan plan_;
  std::chrono::milliseconds now_{0};
  Ticket next_ = 1;
  std::map<Ticket, std::string> waiting_;
  std::set<std::string> loading_;
  std::multiset<std::string> leaving_;
  std::map<std::string, std::int64_t> users_;
};

// Any order of events: never more models than places, none in use is unloaded, each caller gets one answer,
// none waits for ever.
RC_GTEST_PROP(PlanProperty, KeepsItsPromises, ()) {
  World world(*rc::gen::inRange<std::int64_t>(1, 4));
  const auto steps = *rc::gen::scale(5.0, rc::gen::container<std::vector<std::pair<int, int>>>(rc::gen::pair(
                                              rc::gen::inRange(0, 10), rc::gen::inRange(0, 4))));
  for (const auto& [action, model] : steps)
    world.step(action, std::string(1, static_cast<char>('a' + model)));
  world.settle();
}

}  // namespace
}  // namespace medsynth::models
