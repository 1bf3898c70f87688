#include "medsynth/models/cache.h"

#include <array>
#include <atomic>
#include <filesystem>
#include <latch>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "medsynth/base/log.h"
#include "medsynth/models/learned.h"

#include "support/eventually.h"

namespace medsynth::models {
namespace {

using namespace std::chrono_literals;
using test::eventually;

constexpr auto kLong = 20s;  // a wait that ends a broken test

// A model that counts those alive.
struct Toy : Loaded {
  explicit Toy(std::atomic<int>& alive_) : alive(alive_) { ++alive; }
  ~Toy() override { --alive; }
  std::atomic<int>& alive;
};

struct CacheTest : testing::Test {
  static void SetUpTestSuite() { log::start("error", "text", "test"); }

  ManualClock clock;
  std::atomic<int> alive = 0;
  std::atomic<int> loads = 0;

  Loader loader() {
    return [this](const auto&, std::stop_token) -> Result<std::shared_ptr<Loaded>> {
      ++loads;
      return std::shared_ptr<Loaded>(std::make_shared<Toy>(alive));
    };
  }
  // Loads when it is opened; ends with cancelled when it is stopped before.
  struct Gate {
    std::atomic<bool> open = false, entered = false, stopped = false;
  };
  Loader gated(Gate& gate) {
    return [this, &gate](const auto&, std::stop_token stop) -> Result<std::shared_ptr<Loaded>> {
      ++loads;
      gate.entered = true;
      while (!gate.open && !stop.stop_requested()) std::this_thread::yield();
      if (!stop.stop_requested()) return std::shared_ptr<Loaded>(std::make_shared<Toy>(alive));
      gate.stopped = true;
      return Error{Code::cancelled, "stopped", ""};
    };
  }
};

std::string state_of(const Cache& cache, const std::string& id) {
  for (const ModelStats& model : cache.get_stats().models) {
    if (model.id == id) return model.state;
  }
  return "absent";
}

// 64 threads want a cold model at once: one load, and all get it.
TEST_F(CacheTest, SixtyFourThreadsOneLoad) {
  Cache cache({.max_models = 2}, clock);
  Gate gate;
  std::latch start(64);
  std::atomic<int> served = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 64; ++i) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        served += cache.get_or_create("m", gated(gate), {}, kLong).has_value();
      });
    }
    ASSERT_TRUE(eventually([&] { return cache.get_stats().coalesced == 63; }));
    gate.open = true;
  }
  EXPECT_EQ(served, 64);
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(cache.get_stats().misses, 1);
}

// One of two waiters is cancelled: the load goes on for the other.
TEST_F(CacheTest, CancellingOneLeavesTheLoad) {
  Cache cache({.max_models = 2}, clock);
  Gate gate;
  std::stop_source stop;
  std::optional<Result<Handle>> first, second;
  {
    std::jthread a(
        [&] { first.emplace(cache.get_or_create("m", gated(gate), {}, kLong, stop.get_token())); });
    ASSERT_TRUE(eventually([&] { return gate.entered.load(); }));
    std::jthread b([&] { second.emplace(cache.get_or_create("m", gated(gate), {}, kLong)); });
    ASSERT_TRUE(eventually([&] { return cache.get_stats().coalesced == 1; }));
    stop.request_stop();
    a.join();
    gate.open = true;
  }
  EXPECT_EQ(first->error().code, Code::cancelled);
  EXPECT_TRUE(*second);
  EXPECT_FALSE(gate.stopped);
}

// The only waiter is cancelled: the load is told to stop, and the next call loads again at once.
TEST_F(CacheTest, CancellingAllStopsTheLoad) {
  Cache cache({.max_models = 2}, clock);
  Gate gate;
  std::stop_source stop;
  std::jthread a([&] {
    EXPECT_EQ(cache.get_or_create("m", gated(gate), {}, kLong, stop.get_token()).error().code,
              Code::cancelled);
  });
  ASSERT_TRUE(eventually([&] { return gate.entered.load(); }));
  stop.request_stop();
  a.join();
  EXPECT_TRUE(eventually([&] { return gate.stopped.load(); }));
  EXPECT_TRUE(cache.get_or_create("m", loader(), {}, kLong));
}

// A load that takes longer than the caller's time: timeout.
TEST_F(CacheTest, LoadThatTakesTooLong) {
  Cache cache({.max_models = 2}, clock);
  Gate gate;
  EXPECT_EQ(cache.get_or_create("m", gated(gate), {}, 10ms).error().code, Code::timeout);
  EXPECT_TRUE(eventually([&] { return gate.stopped.load(); }));
}

// A failing load: its cause with retry_after; refused without a try until the clock has moved; then tried
// again.
TEST_F(CacheTest, FailureThenBackoff) {
  Cache cache({.max_models = 2}, clock);
  bool broken = true;
  const Loader load = [&](const auto&, std::stop_token) -> Result<std::shared_ptr<Loaded>> {
    ++loads;
    if (broken) return Error{Code::invalid_argument, "damaged", "not_a_model"};
    return std::shared_ptr<Loaded>(std::make_shared<Toy>(alive));
  };
  for (int i = 0; i < 3; ++i) {
    const auto failed = cache.get_or_create("m", load, {}, kLong);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message, "damaged");
    EXPECT_EQ(failed.error().retry_after, 1s);
  }
  EXPECT_EQ(loads, 1);
  clock.advance(1s);
  broken = false;
  EXPECT_TRUE(cache.get_or_create("m", load, {}, kLong));
  EXPECT_EQ(cache.get_stats().load_failures, 1);
}

// A loader that throws, or gives nothing: an error, not the end of the process.
TEST_F(CacheTest, LoaderThatThrows) {
  Cache cache({.max_models = 2}, clock);
  const auto fail = [&](const std::string& id, const Loader& load) {
    return cache.get_or_create(id, load, {}, kLong).error();
  };
  EXPECT_EQ(
      fail("a", [](const auto&, auto) -> Result<std::shared_ptr<Loaded>> { throw std::runtime_error("oh"); })
          .code,
      Code::internal);
  EXPECT_EQ(
      fail("b", [](const auto&, auto) -> Result<std::shared_ptr<Loaded>> { throw std::bad_alloc(); }).reason,
      "no_memory");
  EXPECT_EQ(
      fail("c",
           [](const auto&, auto) -> Result<std::shared_ptr<Loaded>> { return std::shared_ptr<Loaded>(); })
          .code,
      Code::internal);
}

// The TTL counts from the end of the last use: a model in use stays for ever, an idle one leaves when it is
// due.
TEST_F(CacheTest, TtlByTheClock) {
  Cache cache({.max_models = 2, .ttl = 60s}, clock);
  auto handle = cache.get_or_create("m", loader(), {}, kLong);
  ASSERT_TRUE(handle);
  clock.advance(10min);
  cache.expire();
  EXPECT_EQ(state_of(cache, "m"), "in_use");
  handle->release();
  clock.advance(59s);
  cache.expire();
  EXPECT_EQ(state_of(cache, "m"), "ready");
  clock.advance(1s);
  cache.expire();
  EXPECT_TRUE(eventually([&] { return state_of(cache, "m") == "absent"; }));
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(cache.get_stats().expirations, 1);
}

// With the machine's clock: the cache expires by itself, without a call.
TEST_F(CacheTest, TtlByItself) {
  Cache cache({.max_models = 2, .ttl = 5ms});
  ASSERT_TRUE(cache.get_or_create("m", loader(), {}, kLong));  // let go at once
  EXPECT_TRUE(eventually([&] { return alive == 0; }));
}

// Removed while in use: the user keeps it; it goes when the user lets go.
TEST_F(CacheTest, RemovalWhileInUse) {
  Cache cache({.max_models = 2}, clock);
  auto handle = cache.get_or_create("m", loader(), {}, kLong);
  ASSERT_TRUE(handle);
  EXPECT_EQ(cache.remove("m"), Removal::draining);
  EXPECT_EQ(alive, 1);
  EXPECT_FALSE(cache.get("m"));
  handle->release();
  EXPECT_TRUE(eventually([&] { return state_of(cache, "m") == "absent"; }));  // its memory is back, too
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(cache.remove("m"), Removal::absent);
}

// Removed while idle: it is gone when the call returns. clear() says what happened to each.
TEST_F(CacheTest, RemovalOfIdleAndClear) {
  Cache cache({.max_models = 3}, clock);
  ASSERT_TRUE(cache.get_or_create("a", loader(), {}, kLong));
  EXPECT_EQ(cache.remove("a"), Removal::removed);
  EXPECT_EQ(alive, 0);
  ASSERT_TRUE(cache.get_or_create("a", loader(), {}, kLong));
  auto used = cache.get_or_create("b", loader(), {}, kLong);
  EXPECT_EQ(cache.clear(), (std::vector<std::pair<std::string, Removal>>{{"a", Removal::removed},
                                                                         {"b", Removal::draining}}));
  EXPECT_EQ(alive, 1);
}

// Full: the idle model whose use ended first goes; models in use never do, and who finds only such is told
// so.
TEST_F(CacheTest, CapacityEvictsOldestIdle) {
  Cache cache({.max_models = 2}, clock);
  ASSERT_TRUE(cache.get_or_create("a", loader(), {}, kLong));
  ASSERT_TRUE(cache.get_or_create("b", loader(), {}, kLong));
  ASSERT_TRUE(cache.get("a"));
  auto c = cache.get_or_create("c", loader(), {}, kLong);
  ASSERT_TRUE(c);
  EXPECT_EQ(state_of(cache, "b"), "absent");
  auto a = cache.get("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(alive, 2);
  const auto refused = cache.get_or_create("d", loader(), {}, 10ms);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_EQ(loads, 3);
  std::jthread waiter([&] { EXPECT_TRUE(cache.get_or_create("d", loader(), {}, kLong)); });
  ASSERT_TRUE(eventually([&] { return state_of(cache, "d") == "queued"; }));
  a->release();
  waiter.join();
  EXPECT_EQ(state_of(cache, "a"), "absent");
}

// A model made elsewhere: kept, given out, replaced when idle, refused when in use.
TEST_F(CacheTest, PutAndGet) {
  Cache cache({.max_models = 1}, clock);
  EXPECT_FALSE(cache.get("m"));
  auto toy = std::make_shared<Toy>(alive);
  Toy* first = toy.get();
  ASSERT_TRUE(cache.put("m", std::move(toy), {.memory_bytes = 7, .extra = {{"file", "x"}}}));
  {
    const auto handle = cache.get("m");
    ASSERT_TRUE(handle);
    EXPECT_EQ(&handle->as<Toy>(), first);
    EXPECT_EQ(cache.put("m", std::make_shared<Toy>(alive), {}).error().code, Code::conflict);
    EXPECT_EQ(cache.put("n", std::make_shared<Toy>(alive), {}).error().code, Code::exhausted);
  }
  const ModelStats stats = cache.get_stats().models.at(0);
  EXPECT_EQ(stats.memory_bytes, 7U);
  EXPECT_EQ(stats.metadata.at("file"), "x");
  EXPECT_TRUE(stats.expires_at.has_value());
  ASSERT_TRUE(cache.put("m", std::make_shared<Toy>(alive), {}));
  ASSERT_TRUE(cache.put("n", std::make_shared<Toy>(alive), {}));
  EXPECT_TRUE(eventually([&] { return alive == 1; }));
  EXPECT_FALSE(cache.put("o", nullptr, {}));
}

// A load reports progress: the waiting caller hears it on its own thread, rising.
TEST_F(CacheTest, ProgressOnTheWaitersThread) {
  Cache cache({.max_models = 1}, clock);
  std::atomic<bool> heard = false;
  const Loader load = [&](const auto& progress, std::stop_token) -> Result<std::shared_ptr<Loaded>> {
    progress(0.5);
    EXPECT_TRUE(eventually([&] { return heard.load(); }));
    return std::shared_ptr<Loaded>(std::make_shared<Toy>(alive));
  };
  const auto self = std::this_thread::get_id();
  ASSERT_TRUE(cache.get_or_create("m", load, {}, kLong, {}, [&](double part) {
    EXPECT_EQ(std::this_thread::get_id(), self);
    EXPECT_DOUBLE_EQ(part, 0.5);
    heard = true;
  }));
  EXPECT_TRUE(heard);
}

// A progress callback that throws ends its own caller's wait; the load, the cache and the others go on.
TEST_F(CacheTest, ProgressThatThrows) {
  Cache cache({.max_models = 1}, clock);
  Gate gate;
  const Loader load = [&](const auto& progress, std::stop_token stop) {
    progress(0.5);
    return gated(gate)(progress, stop);
  };
  std::jthread other([&] { EXPECT_TRUE(cache.get_or_create("m", load, {}, kLong)); });
  ASSERT_TRUE(eventually([&] { return gate.entered.load(); }));
  const auto failed =
      cache.get_or_create("m", load, {}, kLong, {}, [](double) { throw std::runtime_error("oh"); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason, "progress_failed");
  gate.open = true;
  other.join();
  EXPECT_TRUE(cache.get("m"));
  EXPECT_EQ(loads, 1);
}

// A thousand callers of a cold model: one load, and the hits afterwards are counted.
TEST_F(CacheTest, ThousandCallersOneLoad) {
  Cache cache({.max_models = 2}, clock);
  Gate gate;
  std::atomic<int> served = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 1000; ++i)
      threads.emplace_back([&] { served += cache.get_or_create("m", gated(gate), {}, kLong).has_value(); });
    ASSERT_TRUE(eventually([&] { return cache.get_stats().coalesced == 999; }));
    gate.open = true;
  }
  EXPECT_EQ(served, 1000);
  EXPECT_EQ(loads, 1);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(cache.get("m"));
  EXPECT_EQ(cache.get_stats().hits, 10);
}

// A handle says how long the model stays: 0, it leaves when it is let go; -1, never by itself.
TEST_F(CacheTest, KeepAliveOfAHandle) {
  Cache cache({.max_models = 2, .ttl = 1s}, clock);
  auto handle = cache.get_or_create("m", loader(), {}, kLong);
  handle->keep_alive(0ms);
  handle->release();
  EXPECT_TRUE(eventually([&] { return alive == 0; }));
  auto again = cache.get_or_create("m", loader(), {}, kLong);
  again->keep_alive(-1ms);
  again->release();
  clock.advance(std::chrono::hours(1000));
  cache.expire();
  EXPECT_EQ(state_of(cache, "m"), "ready");
}

// A load that finds no memory: an idle model leaves for it, and it is tried once more.
TEST_F(CacheTest, NoMemoryEvictsAndTriesAgain) {
  Cache cache({.max_models = 3, .measure = [] { return 0; }}, clock);  // sizes are as predicted
  ASSERT_TRUE(cache.get_or_create("idle", loader(), {.memory_bytes = 10}, kLong));
  const Loader load = [&](const auto&, std::stop_token) -> Result<std::shared_ptr<Loaded>> {
    if (alive > 0) return Error{Code::exhausted, "no memory", "no_memory"};
    return std::shared_ptr<Loaded>(std::make_shared<Toy>(alive));
  };
  EXPECT_TRUE(cache.get_or_create("m", load, {.memory_bytes = 10}, kLong));
  EXPECT_EQ(state_of(cache, "idle"), "absent");
}

// Memory that is measured not to come back leaves less room; a later measurement may find it again.
TEST_F(CacheTest, LeakIsMeasured) {
  std::atomic<std::uint64_t> memory = 100 << 20;
  CacheOptions options{.max_models = 3, .max_bytes = 1000 << 20, .measure = [&] { return memory.load(); }};
  std::vector<CacheEvent> events;
  std::mutex mutex;
  options.on_event = [&](const CacheEvent& event) {
    const std::lock_guard lock(mutex);
    events.push_back(event);
  };
  {
    Cache cache(options, clock);
    const Loader load = [&](const auto& progress, std::stop_token stop) {
      memory += 400 << 20;
      return loader()(progress, stop);
    };
    ASSERT_TRUE(cache.get_or_create("m", load, {.memory_bytes = 300 << 20}, kLong));
    EXPECT_EQ(cache.get_stats().models.at(0).measured_bytes, 400U << 20);
    EXPECT_EQ(cache.remove("m"), Removal::removed);  // nothing comes back
    EXPECT_EQ(cache.get_stats().leaked_bytes, 400U << 20);
    EXPECT_EQ(cache.get_or_create("n", loader(), {.memory_bytes = 700 << 20}, kLong).error().reason,
              "does_not_fit");
  }
  ASSERT_EQ(events.size(), 2U);
  EXPECT_FALSE(events[0].reason);
  EXPECT_EQ(events[1].reason, UnloadReason::removed);
}

// What one cache measured predicts the loads of the next.
TEST_F(CacheTest, MeasuredSizesAreKept) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "medsynth-cache-test";
  std::filesystem::remove_all(folder);
  std::atomic<std::uint64_t> memory = 100 << 20;
  const CacheOptions options{.ledger = folder / "sizes.json", .measure = [&] { return memory.load(); }};
  const Loader load = [&](const auto& progress, std::stop_token stop) {
    memory += 50 << 20;
    return loader()(progress, stop);
  };
  for (const std::uint64_t predicted : {10U << 20, 50U << 20}) {
    Cache cache(options, clock);
    ASSERT_TRUE(cache.get_or_create("m", load, {.memory_bytes = 10 << 20}, kLong));
    EXPECT_EQ(cache.get_stats().models.at(0).predicted_bytes, predicted);
  }
  std::filesystem::remove_all(folder);
}

#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
// A model of many small pieces: freeing them gives nothing back to the system, unloading does.
TEST_F(CacheTest, SmallPiecesComeBack) {
  struct Pieces : Loaded {
    std::vector<std::unique_ptr<std::array<char, 4000>>> pieces;
  };
  constexpr std::uint64_t kBytes = 128 << 20;
  Cache cache({}, clock);
  const Loader load = [&](const auto&, std::stop_token) -> Result<std::shared_ptr<Loaded>> {
    auto model = std::make_shared<Pieces>();
    for (std::uint64_t i = 0; i < kBytes / 4000; ++i)
      model->pieces.push_back(std::make_unique<std::array<char, 4000>>());
    return std::shared_ptr<Loaded>(std::move(model));
  };
  ASSERT_TRUE(cache.get_or_create("m", load, {}, kLong));
  const std::uint64_t before = anonymous_bytes();
  ASSERT_EQ(cache.remove("m"), Removal::removed);
  EXPECT_LT(anonymous_bytes() + kBytes * 95 / 100, before);
}
#endif

// Two threads use one model while others push it out and bring it back: never used after it was destroyed.
TEST_F(CacheTest, HammerOneModelWhileOthersLoad) {
  Cache cache({.max_models = 1});
  std::atomic<bool> wrong = false;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20'000; ++i) {
          const auto handle = cache.get("hot");
          if (handle && handle->as<Toy>().alive.load() < 1) wrong = true;
        }
      });
    }
    for (int i = 0; i < 200; ++i) {
      EXPECT_TRUE(cache.get_or_create("hot", loader(), {}, kLong));
      EXPECT_TRUE(cache.get_or_create("other", loader(), {}, kLong));
    }
  }
  EXPECT_FALSE(wrong);
}

// While one model loads, another is given out.
TEST_F(CacheTest, LoadBlocksNobodyElse) {
  Cache cache({.max_models = 2}, clock);
  ASSERT_TRUE(cache.get_or_create("hot", loader(), {}, kLong));
  Gate gate;
  std::jthread slow([&] { EXPECT_TRUE(cache.get_or_create("cold", gated(gate), {}, kLong)); });
  ASSERT_TRUE(eventually([&] { return gate.entered.load(); }));
  EXPECT_TRUE(cache.get("hot"));
  gate.open = true;
}

// The cache is destroyed while a handle is out: the model lives as long as the handle.
TEST_F(CacheTest, HandleOutlivesTheCache) {
  Handle handle;
  {
    Cache cache({.max_models = 2}, clock);
    handle = std::move(*cache.get_or_create("m", loader(), {}, kLong));
    ASSERT_TRUE(cache.get_or_create("n", loader(), {}, kLong));
  }
  EXPECT_EQ(alive, 1);
  handle.release();
  EXPECT_EQ(alive, 0);
}

// The cache is destroyed while a load that nobody waits for still runs: it is stopped and waited for.
TEST_F(CacheTest, DestructionStopsLoads) {
  Gate gate;
  {
    Cache cache({.max_models = 2}, clock);
    EXPECT_FALSE(cache.get_or_create("m", gated(gate), {}, 1ms));
  }
  EXPECT_EQ(alive, 0);
}

// Eight threads use five models in two places, with removals between: no model is used after it was
// destroyed.
TEST_F(CacheTest, ManyThreadsManyModels) {
  Cache cache({.max_models = 2});
  std::atomic<int> used = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 100; ++i) {
          const std::string id(1, static_cast<char>('a' + (t * 7 + i * 3) % 5));
          if (i % 25 == 24) cache.remove(id);
          const auto handle = cache.get_or_create(id, loader(), {}, kLong);
          if (handle && handle->as<Toy>().alive.load() > 0) ++used;
        }
      });
    }
  }
  EXPECT_EQ(used, 800);
  EXPECT_LE(alive, 2);
}

// Starting a GPU's driver takes time and memory: it is done for models that have something there, alone.
TEST_F(CacheTest, NoDriverIsAskedForModelsOfTheCpu) {
  std::atomic<int> asked = 0;
  Cache cache(
      {.devices = [&] { return ++asked, std::vector<Device>{{.memory_total = 100, .memory_free = 100}}; }},
      clock);
  ASSERT_TRUE(cache.get_or_create("a", loader(), {.memory_bytes = 1}, 10s));
  cache.remove("a");
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(cache.device_rooms("b", "").at(0).free, 100U);
  EXPECT_EQ(asked, 1);
}

// Another program has the GPU: the load waits, says for what, and begins when the driver says that it is free,
// though nobody calls.
TEST_F(CacheTest, WaitsForMemoryOfOtherPrograms) {
  std::atomic<std::uint64_t> free = 20;
  Cache cache({.devices = [&] { return std::vector<Device>{{.memory_total = 100, .memory_free = free}}; }},
              clock);
  EXPECT_EQ(cache.device_rooms("a", "").at(0).most, 20U);
  const Metadata metadata{.memory_bytes = 1, .device_bytes = {50}};
  const auto refused = cache.get_or_create("a", loader(), metadata, 10ms);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("on GPU 0"), std::string::npos) << refused.error().message;
  std::thread other([&] {
    eventually([&] { return state_of(cache, "a") == "queued"; });
    free = 100;
  });
  const Loader load = [&](const auto& progress, std::stop_token stop) {
    free -= 50;
    return loader()(progress, stop);
  };
  const auto handle = cache.get_or_create("a", load, metadata, 60s);
  other.join();
  EXPECT_TRUE(handle);
  EXPECT_EQ(cache.get_stats().models.at(0).device_bytes, std::vector<std::uint64_t>{50});
}

}  // namespace
}  // namespace medsynth::models
