// Models kept in memory exactly as long as they earn it. A model in use is never freed; a burst of requests
// for a cold model causes one load; unused models leave after their TTL, or when room is needed.
//
//   BOOST_OUTCOME_TRY(auto handle, cache.get_or_create("biomedlm", load, {.memory_bytes = size}, wait));
//   handle.as<inference::Model>().score(...);          // the model lives as long as the handle
//
// Thread safe. No lock is held while a model loads or is destroyed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/object.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"

namespace medsynth::models {

// What the cache keeps: anything with a destructor that frees it.
class Loaded {
 public:
  virtual ~Loaded() = default;
};

// A use of a model. Move only; the model stays at least until the last handle is gone.
class Handle {
 public:
  Handle() = default;
  ~Handle();
  Handle(Handle&&) noexcept;
  Handle& operator=(Handle&&) noexcept;
  template <class T>
  T& as() const {
    return static_cast<T&>(*model_);
  }
  explicit operator bool() const { return model_ != nullptr; }
  void release();

 private:
  friend class Cache;
  std::shared_ptr<Loaded> model_;
  std::function<void()> let_go_;
};

// Loads one model; `progress` takes 0..1; ends with `cancelled` soon after `stop` is requested. It runs on a
// thread of the cache and may outlive the call that brought it (others may wait for the same model): it owns
// what it uses.
using Loader = std::function<Result<std::shared_ptr<Loaded>>(const std::function<void(double)>& progress,
                                                             std::stop_token stop)>;

struct Metadata {
  std::uint64_t memory_bytes = 0;  // predicted, or 0 when unknown
  boost::json::object extra = {};  // shown in the statistics
};

// One model in GET /v1/model-cache/stats. Times are RFC 3339.
struct ModelStats {
  std::string id;
  std::string state;      // queued | loading | ready | in_use | draining
  std::string loaded_at;  // empty before it is loaded
  std::string last_used;
  std::optional<std::string> expires_at;
  std::int64_t users = 0;
  std::int64_t hits = 0;
  std::int64_t loads = 0;
  double load_seconds = 0;
  std::uint64_t memory_bytes = 0;
  boost::json::object metadata;
};
BOOST_DESCRIBE_STRUCT(ModelStats, (),
                      (id, state, loaded_at, last_used, expires_at, users, hits, loads, load_seconds,
                       memory_bytes, metadata))

struct CacheStats {
  std::int64_t size = 0;  // in memory, or loading
  std::int64_t max_size = 0;
  double ttl = 0;  // seconds
  std::vector<ModelStats> models;
  std::int64_t hits = 0, misses = 0, coalesced = 0, evictions = 0, expirations = 0, load_failures = 0;
};
BOOST_DESCRIBE_STRUCT(CacheStats, (),
                      (size, max_size, ttl, models, hits, misses, coalesced, evictions, expirations,
                       load_failures))

// What a removal did: gone now, leaves when its last user lets go, or was not there.
enum class Removal { removed, draining, absent };
BOOST_DESCRIBE_ENUM(Removal, removed, draining, absent)

struct CacheOptions {
  std::int64_t max_models = 5;
  std::chrono::milliseconds ttl{3'600'000};           // after the end of the last use
  std::chrono::milliseconds check_interval{300'000};  // gives memory that the allocator keeps back this often
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
  // failure, doubling to 60 s). exhausted (reason "cache_full"): every place was in use for all of `timeout`,
  // or the model was removed and still used; timeout: the load took longer; cancelled: `stop`. These end this
  // caller's wait only; a load is cancelled when its last waiter leaves. `progress` is called on this thread,
  // while it waits.
  Result<Handle> get_or_create(const std::string& id, const Loader& load, const Metadata& metadata,
                               std::chrono::milliseconds timeout, std::stop_token stop = {},
                               const std::function<void(double)>& progress = {});

  // Keeps a model that was made elsewhere, in place of an idle one of that name. conflict ("model_in_use"):
  // the old one is loading or in use; exhausted ("cache_full"): every place is in use.
  Result<> put(const std::string& id, std::shared_ptr<Loaded> model, const Metadata& metadata);

  // `removed`: its memory was freed (or is being freed, when that takes longer than a second). One that loads
  // is `draining`: it goes when those who wait for it have used it. Also ends the backoff after a failed
  // load.
  Removal remove(const std::string& id);
  std::vector<std::pair<std::string, Removal>> clear();

  // Unloads what is past its TTL by the clock. The cache does so by itself, exactly when it is due; to be
  // called by tests that move a clock by hand.
  void expire();

  CacheStats get_stats() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace medsynth::models
