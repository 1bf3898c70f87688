// Models kept in memory exactly as long as they earn it. A model in use is never freed; a burst of requests
// for a cold model causes one load; unused models leave after their time, or when room is needed, those first
// that would cost the least to load again.
//
//   BOOST_OUTCOME_TRY(auto handle, cache.get_or_create("biomedlm", load, {.memory_bytes = size}, wait));
//   handle.as<inference::Model>().score(...);          // the model lives as long as the handle
//
// Room is counted in models, in bytes, and in bytes of each GPU: a load's bytes are set aside before it
// starts, and an unloaded model's come back when the process's memory is measured to be back, and the GPU's
// driver says that it is free.
//
// Thread safe. No lock is held while a model loads or is destroyed; a use of a model that is there takes
// none.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/object.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"
#include "medsynth/models/placement.h"

namespace medsynth::models {

struct CacheShell;
struct Seat;

// What the cache keeps: anything with a destructor that frees it.
class Loaded {
 public:
  virtual ~Loaded() = default;
};

// A use of a model. Move only; the model stays at least until the last handle is gone. Not thread safe by
// itself.
class Handle {
 public:
  Handle() = default;
  ~Handle() { release(); }
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;
  template <class T>
  T& as() const {
    return static_cast<T&>(*model_);
  }
  explicit operator bool() const { return model_ != nullptr; }
  void release();
  // How long the model stays after this use, and after later ones until another handle says otherwise: 0, it
  // leaves as soon as nobody uses it; negative, never by itself.
  void keep_alive(std::chrono::milliseconds after) { keep_alive_ = after; }

 private:
  friend struct CacheShell;
  explicit Handle(Seat& seat);

  Seat* seat_ = nullptr;
  Loaded* model_ = nullptr;
  std::optional<std::chrono::milliseconds> keep_alive_;
};

// Loads one model; `progress` takes 0..1; ends with `cancelled` soon after `stop` is requested. It runs on a
// thread of the cache and may outlive the call that brought it (others may wait for the same model): it owns
// what it uses. An error with reason "no_memory" makes the cache unload idle models that together are as
// large, and try once more; no other error evicts anybody.
using Loader = std::function<Result<std::shared_ptr<Loaded>>(const std::function<void(double)>& progress,
                                                             std::stop_token stop)>;

// What is known about a model before it is loaded. Bytes are predictions.
struct Metadata {
  std::uint64_t memory_bytes = 0;                // of the loaded model, or 0 when unknown
  boost::json::object extra = {};                // shown in the statistics
  std::uint64_t mapped_bytes = 0;                // of memory_bytes: pages of a mapped file, never measured
  std::uint64_t peak_bytes = 0;                  // while it loads; 0: as memory_bytes
  std::string options = "";                      // measured sizes hold for a model with the same options
  std::vector<std::uint64_t> device_bytes = {};  // on each GPU, by its number; while it loads as well
  Placement placement = {};                      // that they come from; its words are shown
  // After the last use: how long it stays; negative: for ever; nullopt: the cache's ttl.
  std::optional<std::chrono::milliseconds> ttl = std::nullopt;
  bool pinned = false;  // never evicted to make room
};

// One model in GET /v1/model-cache/stats. Times are RFC 3339.
struct ModelStats {
  std::string id;
  std::string state;      // queued | reserved | loading | ready | in_use | draining | unloading | failed
  std::string loaded_at;  // empty before it is loaded
  std::string last_used;
  std::optional<std::string> expires_at;  // null: it does not leave by itself, or is in use
  std::int64_t users = 0;
  std::int64_t hits = 0;
  std::int64_t loads = 0;
  double load_seconds = 0;
  std::uint64_t memory_bytes = 0;                    // that it counts for now
  std::uint64_t predicted_bytes = 0;                 // before it was loaded
  std::uint64_t measured_bytes = 0;                  // mapped and measured; 0: not measured
  std::string placement;                             // "31 of 33 layers on GPU 0"; "CPU"
  std::string placement_reason;                      // why it is not all on one GPU; empty: it is
  std::vector<std::uint64_t> device_bytes;           // on each GPU, by its number, that it counts for now
  std::vector<std::uint64_t> measured_device_bytes;  // the same, measured; empty: not measured
  std::int64_t waiting = 0;                          // callers that wait for it
  std::string waits_for;                             // queued: what is missing, and who has it
  bool pinned = false;
  double uses_per_second = 0;           // older uses count less
  std::optional<std::string> retry_at;  // failed: refused until then
  std::string error;                    // failed: why
  boost::json::object metadata;
};
BOOST_DESCRIBE_STRUCT(ModelStats, (),
                      (id, state, loaded_at, last_used, expires_at, users, hits, loads, load_seconds,
                       memory_bytes, predicted_bytes, measured_bytes, placement, placement_reason,
                       device_bytes, measured_device_bytes, waiting, waits_for, pinned, uses_per_second,
                       retry_at, error, metadata))

struct CacheStats {
  std::int64_t size = 0;  // in memory, or loading
  std::int64_t max_size = 0;
  double ttl = 0;                      // seconds
  std::uint64_t memory_bytes = 0;      // of models in memory, loading, or leaving
  std::uint64_t max_memory_bytes = 0;  // 0: not limited
  std::uint64_t reserved_bytes = 0;    // of memory_bytes: for loads, and promised to models that wait
  std::uint64_t leaked_bytes = 0;      // did not come back after unloading; less room by as much
  std::int64_t hits = 0, misses = 0, coalesced = 0, evictions = 0, expirations = 0, load_failures = 0;
  std::vector<ModelStats> models;
};
BOOST_DESCRIBE_STRUCT(CacheStats, (),
                      (size, max_size, ttl, memory_bytes, max_memory_bytes, reserved_bytes, leaked_bytes,
                       hits, misses, coalesced, evictions, expirations, load_failures, models))

// What a removal did: gone now, leaves when its last user lets go, or was not there.
enum class Removal { removed, draining, absent };
BOOST_DESCRIBE_ENUM(Removal, removed, draining, absent)

// Why a model left. evicted: for room; no_memory: a load found none; over_budget: models turned out larger,
// or the budget smaller.
enum class UnloadReason { evicted, no_memory, over_budget, expired, removed, replaced };
BOOST_DESCRIBE_ENUM(UnloadReason, evicted, no_memory, over_budget, expired, removed, replaced)

// For metrics: a load that ended well, or a model whose memory is back.
struct CacheEvent {
  std::string model;
  double seconds = 0;                  // loading, or unloading until the memory was back
  std::optional<UnloadReason> reason;  // nullopt: it was loaded
  double age = 0;                      // seconds since it had been loaded
};

struct CacheOptions {
  std::int64_t max_models = 5;
  std::chrono::milliseconds ttl{3'600'000};           // after the end of the last use; negative: never
  std::chrono::milliseconds check_interval{300'000};  // of the memory check
  std::uint64_t max_bytes = 0;                        // 0: not limited
  // The GPUs as their drivers tell them now, always in the same order. Called without a lock, and only when a
  // model with bytes on one is wanted or leaves. Empty: there are none.
  std::function<std::vector<Device>()> devices = {};
  double max_device_percent = 100;  // of each GPU's memory that may be in use, by whoever
  // Sizes measured in earlier processes are read from here and kept here; empty: they are not kept.
  std::filesystem::path ledger = {};
  std::function<void(const CacheEvent&)> on_event = {};  // on a thread of the cache, without a lock
  // Anonymous memory of this process in bytes; for tests.
  std::function<std::uint64_t()> measure = {};
  // A model that waits for room may be passed by smaller ones this long, then it is their turn to wait.
  std::chrono::milliseconds passing{10'000};
  std::chrono::milliseconds history{600'000};  // a use counts 1/e after this time; 0: victims by age alone
};

class Cache {
 public:
  // `clock` says when a TTL or a backoff ends, and outlives the cache and its handles; waits for a model are
  // in real time.
  explicit Cache(CacheOptions options, const Clock& clock = system_clock());
  // Cancels loads and waits for them to end; nobody may be inside a call. Handles that are still out keep
  // their models.
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // A use of a model that is in memory; does not wait.
  std::optional<Handle> get(const std::string& id);

  // Loads it when it is absent: one load per burst, every waiter gets the same model or the same error, whose
  // retry_after says how long the next calls are refused at once with that cause (1 s after the first
  // failure, doubling to 60 s; then one load is tried, for all who ask meanwhile). exhausted (reason
  // "cache_full"): there was no room for all of `timeout`, or the model was removed and still used (reason
  // "does_not_fit": at once, it is larger than the budget); timeout: the load took longer; cancelled: `stop`.
  // These end this caller's wait only; a load is cancelled when its last waiter leaves. `progress` is called
  // on this thread, while it waits; internal: it threw.
  Result<Handle> get_or_create(const std::string& id, const Loader& load, const Metadata& metadata,
                               std::chrono::milliseconds timeout, std::stop_token stop = {},
                               const std::function<void(double)>& progress = {});

  // Keeps a model that was made elsewhere, in place of an idle one of that name. conflict ("model_in_use"):
  // the old one is loading or in use; exhausted ("cache_full"): everything that could leave for it is in use.
  Result<> put(const std::string& id, std::shared_ptr<Loaded> model, const Metadata& metadata);

  // `removed`: its memory was freed (or is being freed, when that takes longer than a second). One that loads
  // is `draining`: it goes when those who wait for it have used it. Also ends the backoff after a failed
  // load.
  Removal remove(const std::string& id);
  std::vector<std::pair<std::string, Removal>> clear();

  // Unloads what is past its TTL by the clock. The cache does so by itself, exactly when it is due; to be
  // called by tests that move a clock by hand.
  void expire();

  // Less than is in memory now: idle models leave until it is kept.
  void set_max_bytes(std::uint64_t max_bytes);
  void set_max_device_percent(double percent);

  // What each GPU has for a model that is loaded with these options (Metadata::options). Asks the drivers.
  std::vector<DeviceRoom> device_rooms(const std::string& id, const std::string& options);

  // In memory, loading, or waiting for room.
  bool contains(const std::string& id) const;
  CacheStats get_stats() const;

 private:
  std::shared_ptr<CacheShell> shell_;
};

}  // namespace medsynth::models
