// What a use of a model that is there costs, beside a mutex and a map of shared pointers; the same while
// another model loads; and how fast a model of small pieces gives 1 GiB back.
//
//   bench/cache/run hits
#include <malloc.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <map>
#include <mutex>
#include <thread>

#include "medsynth/base/log.h"
#include "medsynth/models/cache.h"
#include "medsynth/models/learned.h"

namespace {

using namespace medsynth;
using namespace medsynth::models;
using Clock = std::chrono::steady_clock;

constexpr int kUses = 2'000'000;
constexpr int kRounds = 7;
constexpr int kPieces = (1 << 30) / 4000;

struct Toy : Loaded {};
struct Pieces : Loaded {
  std::vector<std::unique_ptr<std::array<char, 4000>>> pieces;
};

double nanoseconds(Clock::duration time) {
  return std::chrono::duration<double, std::nano>(time).count();
}

// Nanoseconds per use and thread, the best of some rounds: what others do to the machine only adds.
template <class Use>
double cost(int threads, Use use) {
  double best = 1e18;
  for (int round = 0; round < kRounds; ++round) {
    std::latch start(threads);
    std::vector<double> spent(static_cast<std::size_t>(threads));
    {
      std::vector<std::jthread> running;
      for (int t = 0; t < threads; ++t) {
        running.emplace_back([&, t] {
          start.arrive_and_wait();
          const auto begin = Clock::now();
          for (int i = 0; i < kUses; ++i) use();
          spent[static_cast<std::size_t>(t)] = nanoseconds(Clock::now() - begin) / kUses;
        });
      }
    }
    best = std::min(best, *std::max_element(spent.begin(), spent.end()));
  }
  return best;
}

Loader toy() {
  return [](const auto&, std::stop_token) -> Result<std::shared_ptr<Loaded>> {
    return std::shared_ptr<Loaded>(std::make_shared<Toy>());
  };
}

void hits(Cache& cache) {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<Loaded>> plain{{"biomedlm", std::make_shared<Toy>()}};
  const std::string id = "biomedlm";
  const auto with_mutex = [&] {
    const auto found = [&] {
      const std::lock_guard lock(mutex);
      return plain.find(id)->second;
    }();
    if (!found) std::abort();
  };
  const auto with_cache = [&] {
    if (!cache.get(id)) std::abort();
  };
  std::printf("| ns per use | 1 thread | 2 threads |\n|---|---|---|\n");
  std::printf("| mutex, map, shared_ptr | %.0f | %.0f |\n", cost(1, with_mutex), cost(2, with_mutex));
  std::printf("| cache | %.0f | %.0f |\n", cost(1, with_cache), cost(2, with_cache));
  std::printf("| a look at the clock alone (part of the cache's) | %.0f | |\n",
              cost(1, [] { (void)system_clock().coarse_steady(); }));
}

// A model of 1 GiB loads for some seconds in little pieces; each use of another is timed.
void while_loading(Cache& cache) {
  std::atomic<bool> loaded = false;
  const Loader load = [](const auto& progress, std::stop_token) -> Result<std::shared_ptr<Loaded>> {
    auto model = std::make_shared<Pieces>();
    for (int i = 0; i < kPieces; ++i) {
      model->pieces.push_back(std::make_unique<std::array<char, 4000>>());
      if (i % (kPieces / 100) == 0) progress(static_cast<double>(i) / kPieces);
    }
    return std::shared_ptr<Loaded>(std::move(model));
  };
  std::jthread loader([&] {
    if (!cache.get_or_create("large", load, {}, std::chrono::minutes(1))) std::abort();
    loaded = true;
  });
  std::vector<double> times;
  times.reserve(50'000'000);
  while (!loaded && times.size() < times.capacity()) {
    const auto begin = Clock::now();
    if (!cache.get("biomedlm")) std::abort();
    times.push_back(nanoseconds(Clock::now() - begin));
  }
  loader.join();
  const auto at = [&](double part) {
    const auto nth =
        times.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(times.size() - 1));
    std::nth_element(times.begin(), nth, times.end());
    return *nth / 1000;
  };
  std::printf("\nHits while another model loads (%zu): p50 %.2f us, p99.9 %.2f us, p99.99 %.2f us\n",
              times.size(), at(0.5), at(0.999), at(0.9999));
}

// The same memory without a cache: made in one thread, freed in another.
double bare_milliseconds() {
  auto model = std::make_unique<Pieces>();
  std::jthread([&] {
    for (int i = 0; i < kPieces; ++i) model->pieces.push_back(std::make_unique<std::array<char, 4000>>());
  }).join();
  const auto begin = Clock::now();
  std::jthread([&] {
    model.reset();
    malloc_trim(0);
  }).join();
  return nanoseconds(Clock::now() - begin) / 1e6;
}

void memory_back(Cache& cache) {
  const std::uint64_t before = anonymous_bytes();
  const auto begin = Clock::now();
  std::jthread removal([&] { (void)cache.remove("large"); });
  constexpr std::uint64_t kWanted = (1ULL << 30) / 100 * 95;
  while (before - std::min(before, anonymous_bytes()) < kWanted &&
         Clock::now() - begin < std::chrono::seconds(5))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double enough = nanoseconds(Clock::now() - begin) / 1e6;
  removal.join();
  const double seconds = nanoseconds(Clock::now() - begin) / 1e9;
  const double back = static_cast<double>(before - anonymous_bytes()) / (1 << 30);
  std::printf(
      "1 GiB of pieces of 4000 bytes: 95 %% back after %.0f ms; %.1f %% when it was removed, after %.0f ms "
      "(bare free() of as many: %.0f ms)\n",
      enough, back * 100, seconds * 1000, bare_milliseconds());
}

}  // namespace

int main() {
  log::start("error", "text", "bench");
  Cache cache({.max_models = 4});
  if (!cache.get_or_create("biomedlm", toy(), {}, std::chrono::seconds(5))) return 1;
  hits(cache);
  while_loading(cache);
  memory_back(cache);
}
