// Inside the room: the door to one model in memory. Uses begin and end here without a lock; whoever decides
// about the model (under the cache's mutex) closes the gate first, in one step that fails when somebody uses
// the model. So a victim that is asked for is either still in the cache or gone, never both.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "medsynth/base/clock.h"
#include "medsynth/models/cache.h"

namespace medsynth::models {

// One word: open, watched, hits, users. Thread safe.
class Gate {
 public:
  // A use begins; false when the gate is closed.
  bool take() {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    while (word & kOpen) {
      if (word_.compare_exchange_weak(word, word + kHit + kUser, std::memory_order_acquire,
                                      std::memory_order_relaxed))
        return true;
    }
    return false;
  }
  // A use ends; false, and the use goes on, when it is the last of a watched model: end() is called with the
  // mutex held, because somebody waits for it.
  bool let_go() {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
      if ((word & kWatched) && (word & kUsers) == kUser) return false;
    } while (!word_.compare_exchange_weak(word, word - kUser, std::memory_order_release,
                                          std::memory_order_relaxed));
    return true;
  }

  // The rest with the cache's mutex held. Users are counted after the step.
  void open() { word_.store(kOpen, std::memory_order_release); }
  void reopen() { word_.fetch_or(kOpen, std::memory_order_release); }
  void admit() { word_.fetch_add(kUser, std::memory_order_acquire); }  // a use that is no hit
  std::int64_t end() { return users_of(word_.fetch_sub(kUser, std::memory_order_acq_rel) - kUser); }
  std::int64_t watch() { return users_of(word_.fetch_or(kWatched, std::memory_order_acq_rel)); }
  void unwatch() { word_.fetch_and(~kWatched, std::memory_order_relaxed); }
  // No use begins any more; the end of the last is heard of.
  std::int64_t close() {
    watch();
    return users_of(word_.fetch_and(~kOpen, std::memory_order_acq_rel));
  }
  bool close_if_idle() {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    while ((word & kUsers) == 0) {
      if (word_.compare_exchange_weak(word, word & ~kOpen, std::memory_order_acq_rel,
                                      std::memory_order_relaxed))
        return true;
    }
    return false;
  }
  std::int64_t users() const { return users_of(word_.load(std::memory_order_acquire)); }
  // Hits since the call before.
  std::int64_t take_hits() {
    const std::uint64_t hits = word_.load(std::memory_order_relaxed) & kHits;
    word_.fetch_sub(hits, std::memory_order_relaxed);
    return static_cast<std::int64_t>(hits / kHit);
  }

 private:
  // 42 bits of hits are two days of nothing but hits; they are taken out at every look at the cache.
  static constexpr std::uint64_t kUser = 1, kHit = std::uint64_t{1} << 20, kWatched = std::uint64_t{1} << 62,
                                 kOpen = std::uint64_t{1} << 63;
  static constexpr std::uint64_t kUsers = kHit - 1, kHits = kWatched - kHit;
  static std::int64_t users_of(std::uint64_t word) { return static_cast<std::int64_t>(word & kUsers); }

  std::atomic<std::uint64_t> word_ = 0;
};

// A model in memory and its gate; used again for other models, freed with the cache. What users touch shares
// one cache line.
struct alignas(64) Seat {
  Gate gate;
  std::atomic<SteadyTime::rep> last_use = 0;  // end of the last one
  std::atomic<std::size_t> hash = 0;          // of the id
  const Clock* clock = nullptr;
  Loaded* loaded = nullptr;  // of `model`
  SteadyTime loaded_at{};
  // Guarded by the cache's mutex, and constant while anybody uses the model:
  std::string id = {};
  std::shared_ptr<Loaded> model = {};
  CacheShell* owner = nullptr;
  std::shared_ptr<CacheShell> keep = {};  // the cache is gone, and this seat's users keep its remains
};

// Finds seats by id without a lock. It may miss one that is there (the mutex knows better), and what it finds
// must be taken and then compared.
class Directory {
 public:
  template <class Visit>  // bool(Seat&): true ends the search
  void find(std::size_t hash, Visit&& visit) const {
    for (const auto& each : bucket(hash)) {
      Seat* const seat = each.load(std::memory_order_acquire);
      if (seat && seat->hash.load(std::memory_order_relaxed) == hash && visit(*seat)) return;
    }
  }
  void enter(Seat& seat) {
    for (auto& each : bucket(seat.hash.load(std::memory_order_relaxed))) {
      if (each.load(std::memory_order_relaxed)) continue;
      each.store(&seat, std::memory_order_release);
      return;
    }
  }
  void remove(const Seat& seat) {
    for (auto& each : bucket(seat.hash.load(std::memory_order_relaxed))) {
      if (each.load(std::memory_order_relaxed) == &seat) each.store(nullptr, std::memory_order_release);
    }
  }

 private:
  static constexpr std::size_t kBuckets = 32;
  struct alignas(64) Bucket : std::array<std::atomic<Seat*>, 8> {};
  Bucket& bucket(std::size_t hash) { return buckets_[hash % kBuckets]; }
  const Bucket& bucket(std::size_t hash) const { return buckets_[hash % kBuckets]; }
  std::array<Bucket, kBuckets> buckets_{};
};

}  // namespace medsynth::models
