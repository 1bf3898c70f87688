// What the model cache decides: a state machine without clock, thread or model. Events go in, effects come
// out; the shell (cache.cc) carries the effects out and reports back. One owner: not thread safe.
//
//   absent → queued → loading → ready ⇄ in use → (draining →) unloading → absent
//
// queued: wants a place in memory and there is none. A place is taken by everything that may hold memory:
// loading, ready, draining, unloading. A model in use is never unloaded; a victim that is asked for again is
// loaded again after it has gone.
//
//   Effects effects = plan.request(ticket, "biomedlm", {}, now);   // {StartLoad{"biomedlm", ticket}}
//   effects = plan.loaded("biomedlm", 0.2, now);                   // {Grant{ticket, "biomedlm"}}
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/models/cache.h"

namespace medsynth::models {

using Ticket = std::uint64_t;  // one caller of get_or_create

struct Now {
  SteadyTime steady;
  WallTime wall;
};

enum class UnloadReason { evicted, expired, removed, replaced };

struct Grant {  // the ticket uses the model from now on
  Ticket ticket;
  std::string id;
  bool operator==(const Grant&) const = default;
};
struct Refuse {
  Ticket ticket;
  Error error;
  bool operator==(const Refuse& other) const {
    return ticket == other.ticket && error.message == other.error.message;
  }
};
struct StartLoad {
  std::string id;
  Ticket ticket;  // whose loader to use
  bool operator==(const StartLoad&) const = default;
};
struct StopLoad {  // nobody waits for it any more; loaded() or load_failed() still follows
  std::string id;
  bool operator==(const StopLoad&) const = default;
};
struct Unload {  // unloaded() follows when the memory is back
  std::string id;
  UnloadReason reason;
  bool operator==(const Unload&) const = default;
};
using Effect = std::variant<Grant, Refuse, StartLoad, StopLoad, Unload>;
using Effects = std::vector<Effect>;

// How long a model that failed to load is left alone: one second after the first failure, doubled by each
// further one.
std::chrono::seconds backoff(std::int64_t failures);

class Plan {
 public:
  explicit Plan(CacheOptions options);

  Effects request(Ticket ticket, const std::string& id, const Metadata& metadata, Now now);
  // A use of a model that is ready, without waiting; false when it is not.
  bool use(const std::string& id, Now now);
  // The ticket waits no longer. `for_place`: it waited until a place is free or the old model is gone, not
  // for a load.
  struct Left {
    Effects effects;
    bool for_place = false;
  };
  Left leave(Ticket ticket, const std::string& id);
  // A use has ended.
  Effects release(const std::string& id, Now now);

  Effects loaded(const std::string& id, double seconds, Now now);
  Effects load_failed(const std::string& id, const Error& cause, Now now);
  Effects unloaded(const std::string& id);

  // A model that is in memory already. conflict: one of that name is loading or in use; exhausted: every
  // place is in use.
  Result<Effects> put(const std::string& id, const Metadata& metadata, Now now);
  std::pair<Removal, Effects> remove(const std::string& id);
  // Everything that is past its TTL.
  Effects expire(Now now);
  // When expire() has something to do next.
  std::optional<SteadyTime> next_due() const;

  std::vector<std::string> ids() const;  // in memory, or on the way
  // An instance of it is on its way out.
  bool is_unloading(const std::string& id) const { return unloading_.contains(id); }
  std::int64_t places_taken() const;
  CacheStats stats(Now now) const;

 private:
  enum class State { queued, loading, ready, draining };
  struct Entry {
    State state = State::queued;
    std::deque<Ticket> waiters =
        {};  // of a model that is queued, loading, or draining before it is loaded again
    std::int64_t users = 0;
    bool abandoned = false;        // the load was told to stop
    bool leave_after_use = false;  // removed while it loads
    std::uint64_t last_use = 0;    // order of the ends of uses
    SteadyTime idle_since{};
    WallTime loaded_at{}, last_used{};
    std::int64_t hits = 0;
    double load_seconds = 0;
    Metadata metadata = {};

    bool idle() const { return state == State::ready && users == 0; }
  };
  struct Failure {
    Error cause;
    std::int64_t count = 0;
    SteadyTime retry_at{};
  };
  using Entries = std::map<std::string, Entry>;

  void pump(Effects& effects);
  void start_load(const std::string& id, Effects& effects);
  Entries::iterator find_victim();
  void unload(Entries::iterator entry, UnloadReason reason, Effects& effects);
  void become_ready(Entry& entry, double seconds, Now now);
  void end_draining(Entries::iterator entry, Effects& effects);
  std::string state_of(const Entry& entry) const;

  CacheOptions options_;
  Entries entries_;
  std::deque<std::string> queue_;                  // ids of queued entries, first come first
  std::map<std::string, std::int64_t> unloading_;  // instances on their way out
  std::map<std::string, Failure> failures_;
  std::map<std::string, std::int64_t> loads_;
  std::uint64_t uses_ended_ = 0;
  std::int64_t hits_ = 0, misses_ = 0, coalesced_ = 0, evictions_ = 0, expirations_ = 0, load_failures_ = 0;
};

}  // namespace medsynth::models
