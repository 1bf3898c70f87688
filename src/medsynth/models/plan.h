// What the model cache decides: a state machine without clock, thread or model. Events go in, effects come
// out; the shell (cache.cc) carries the effects out, in their order, and reports back. One owner: not thread
// safe. One state machine in three sources: plan.cc has the events, plan_room.cc who gets room and who leaves for
// it, plan_stats.cc what it tells of itself.
//
//   absent → queued → reserved → loading → ready ⇄ in use → (draining →) unloading → absent | failed
//
// queued: there is no room. reserved: room is promised, and comes when victims have left. Room is taken, in
// models, in bytes and in bytes of each GPU, by everything that may hold memory: a load by its peak, an
// unloading model until its memory is measured to be back. On a GPU others have memory as well: what its
// driver says is in use beyond ours is theirs (see_devices()), and leaves less.
//
// Uses of a ready model begin and end without the plan (gate.h); observe() tells it of them, as advice. What
// must be true is asked for: Claim closes the gates of victims in one step, and is answered by claimed()
// (they are gone) or rescued() (one is in use again: nothing has happened, and others are chosen). Watch asks
// for idle() when the last user lets go, at once when there is none.
//
//   Effects effects = plan.request(ticket, "biomedlm", {}, now);   // {StartLoad{"biomedlm", ticket}}
//   effects = plan.loaded("biomedlm", {.seconds = 0.2}, now);      // {Grant{ticket, "biomedlm"}}
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
#include "medsynth/models/learned.h"
#include "medsynth/models/victims.h"

namespace medsynth::models {

using Ticket = std::uint64_t;  // one caller of get_or_create

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
struct Claim {  // all are idle and closed: claimed(); else none is closed, the busy are watched: rescued()
  std::vector<std::string> ids;
  bool operator==(const Claim&) const = default;
};
struct Watch {  // idle() when nobody uses it
  std::string id;
  bool operator==(const Watch&) const = default;
};
struct Close {  // no use begins any more; idle() when nobody uses it
  std::string id;
  bool operator==(const Close&) const = default;
};
struct Unload {  // a closed and idle one; unloaded() follows when the memory is back
  std::string id;
  UnloadReason reason;
  std::uint64_t expected = 0;  // bytes that should come back; 0: not known
  bool operator==(const Unload& other) const { return id == other.id && reason == other.reason; }
};
using Effect = std::variant<Grant, Refuse, StartLoad, StopLoad, Claim, Watch, Close, Unload>;
using Effects = std::vector<Effect>;

// Uses of a model, as its gate tells them.
struct Use {
  std::int64_t users = 0;
  SteadyTime last_use{};  // end of the last one
  std::int64_t hits = 0;  // since it was told before
};

struct LoadReport {
  double seconds = 0;
  std::optional<std::uint64_t> anonymous = {};   // bytes; nullopt: something else moved meanwhile
  std::uint64_t peak = 0;                        // anonymous bytes on the way, when they were measured
  std::vector<std::uint64_t> device_bytes = {};  // on each GPU; empty: not measured
};

// How long a model that failed to load is left alone: one second after the first failure, doubled by each
// further one.
std::chrono::seconds backoff(std::int64_t failures);

class Plan {
 public:
  explicit Plan(CacheOptions options, std::vector<Learned> learned = {});

  Effects request(Ticket ticket, const std::string& id, const Metadata& metadata, SteadyTime now);
  // The ticket waits no longer. `for_place`: it waited until there is room or the old model is gone, not for
  // a load.
  struct Left {
    Effects effects;
    bool for_place = false;
  };
  Left leave(Ticket ticket, const std::string& id, SteadyTime now);

  void observe(const std::string& id, const Use& use, SteadyTime now);
  Effects idle(const std::string& id, SteadyTime now);
  Effects claimed(SteadyTime now);
  Effects rescued(const std::vector<std::string>& busy, SteadyTime now);
  // As Handle::keep_alive; effects follow from tick() or idle().
  void keep(const std::string& id, std::chrono::milliseconds keep_alive);

  Effects loaded(const std::string& id, const LoadReport& report, SteadyTime now);
  Effects load_failed(const std::string& id, const Error& cause, SteadyTime now);
  // `returned`: measured bytes; nullopt when they could not be told from others'. `devices`: see_devices(),
  // in the same step, so that nothing starts in room that has not come back.
  Effects unloaded(const std::string& id, std::optional<std::uint64_t> returned, SteadyTime now,
                   const std::vector<Device>& devices = {});
  // What drivers say now; empty: they did not answer, and what they said before holds. While a model loads
  // or leaves it is not told apart whose memory is in use: others have what they had, or more.
  Effects see_devices(const std::vector<Device>& devices, SteadyTime now);

  // A model that is in memory already: who must leave for it, then, with their gates closed, put(), then
  // tick(). conflict: one of that name is loading or in use; exhausted: there is no room.
  Result<std::vector<std::string>> make_way(const std::string& id, const Metadata& metadata,
                                            SteadyTime now) const;
  Effects put(const std::string& id, const Metadata& metadata, const std::vector<std::string>& victims,
              SteadyTime now);
  // absent, or draining until the effects are carried out.
  std::pair<Removal, Effects> remove(const std::string& id, SteadyTime now);
  Effects set_max_bytes(std::uint64_t max_bytes, SteadyTime now);
  Effects set_max_device_percent(double percent, SteadyTime now);
  // Everything that is due.
  Effects tick(SteadyTime now);
  // When tick() has something to do next.
  std::optional<SteadyTime> next_due(SteadyTime now) const;
  // This much anonymous memory is in use, and nothing loads or leaves: a leak cannot be larger than what is
  // there beside the models.
  void measured(std::uint64_t anonymous);

  std::vector<std::string> ids() const;  // in memory, or on the way
  bool contains(const std::string& id) const { return entries_.contains(id); }
  // An instance of it is on its way out.
  bool is_unloading(const std::string& id) const;
  bool is_quiet() const;  // nothing loads or leaves
  std::int64_t places_taken() const;
  std::uint64_t bytes_taken() const;
  std::vector<std::uint64_t> device_bytes_taken() const;
  // For a model with these options that is to be loaded.
  std::vector<DeviceRoom> device_rooms(const std::string& id, const std::string& options) const;
  // A model waits that has bytes on a GPU: drivers should be asked from time to time.
  bool waits_for_device() const;
  // What a queued model lacks and who has it: "needs 3.1 GB on GPU 0, 2.4 GB free, held by a (in use)".
  // Empty for others.
  std::string waits_for(const std::string& id, SteadyTime now) const;
  std::vector<Learned> learned() const;
  CacheStats stats(SteadyTime steady, WallTime wall) const;
  // Everything that its next decisions depend on, as text, times as distances from now: for the explorer.
  std::string fingerprint(SteadyTime now) const;

 private:
  enum class State { queued, reserved, loading, ready, draining };
  struct Entry {
    State state = State::queued;
    std::deque<Ticket> waiters = {};  // unless it is ready
    Metadata metadata = {};
    std::optional<std::chrono::milliseconds> keep_alive = {};
    std::int64_t users = 0;  // as last observed
    bool watched = false;    // idle() will come
    SteadyTime idle_since{}, loaded_at{}, queued_at{};
    bool abandoned = false;                  // the load was told to stop
    bool leave_after_use = false;            // removed while it loads
    std::optional<Error> memory_error = {};  // its load found no memory: others must leave for it
    bool tried_again = false;                // after that
    std::int64_t hits = 0;
    double load_seconds = 0;
    std::uint64_t predicted = 0, bytes = 0, peak = 0;  // bytes: that it counts for once it is loaded
    std::optional<std::uint64_t> anonymous = {};       // measured
    std::vector<std::uint64_t> measured_devices = {};  // empty: not measured
    const std::vector<std::uint64_t>& device_bytes() const {
      return measured_devices.empty() ? metadata.device_bytes : measured_devices;
    }
  };
  struct Leaving {
    std::string id;
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> anonymous = {};  // measured when it was loaded
    std::string options;
    std::vector<std::uint64_t> device_bytes;
  };
  struct Failure {
    Error cause;
    std::int64_t count = 0;
    SteadyTime retry_at{};
  };
  struct Past {
    Rate rate;
    std::int64_t loads = 0;
    double load_seconds = 0;
  };
  struct Room {
    std::int64_t places = 0;
    std::int64_t bytes = 0;
    std::vector<std::int64_t> devices;  // bytes of each GPU

    void take(std::int64_t of_places, std::uint64_t of_bytes, const std::vector<std::uint64_t>& of_devices);
    bool is_overdrawn() const;
    bool holds(const Entry& entry) const;                              // its load
    std::vector<std::uint64_t> missing_for(const Entry& entry) const;  // on each GPU
    std::vector<std::uint64_t> overdraft() const;                      // the same, with nobody to load
  };
  using Entries = std::map<std::string, Entry>;

  static std::int64_t number(std::uint64_t bytes);  // with a sign, for differences
  void learn_foreign(const std::vector<Device>& devices);
  void advance(Effects& effects, SteadyTime now);
  bool expire(Effects& effects, SteadyTime now);
  void pump(Effects& effects, SteadyTime now);
  bool repay(Effects& effects, SteadyTime now);
  bool make_room(Entry& entry, Effects& effects, SteadyTime now);
  void start_promised(Effects& effects);
  void take_back_promises();
  void watch_busy(Effects& effects);
  void claim(std::vector<std::string> ids, UnloadReason reason, Effects& effects);
  void unload(Entries::iterator entry, UnloadReason reason, Effects& effects, SteadyTime now);
  void queue_again(const std::string& id, Entry waiting, SteadyTime now);
  void refuse(Entries::iterator entry, const Error& error, Effects& effects);
  Error fail(const std::string& id, const Error& cause, SteadyTime now);
  void make_ready(const std::string& id, Entry& entry, SteadyTime now);

  Room promisable() const;  // without the bytes of what leaves, and of what was promised
  Room startable() const;   // with what still leaves counted
  std::int64_t capacity() const;
  bool may_leave(const std::string& id, const Entry& entry, SteadyTime now) const;
  std::vector<std::string> idle_models(SteadyTime now) const;
  std::int64_t device_capacity(std::size_t device) const;
  bool never_fits(const Entry& entry) const;
  std::optional<std::vector<std::string>> choose(std::int64_t bytes, std::int64_t places,
                                                 const std::vector<std::uint64_t>& device_bytes,
                                                 SteadyTime now) const;
  std::chrono::milliseconds ttl_of(const Entry& entry) const;
  SteadyTime stays_until(const Entry& entry) const;
  bool is_claimed(const std::string& id) const;
  void predict(const std::string& id, Entry& entry) const;
  Past& past(const std::string& id);
  Error does_not_fit(const std::string& id, const Entry& entry) const;
  std::string state_of(const Entry& entry) const;

  CacheOptions options_;
  Entries entries_;
  std::deque<std::string> queue_;     // ids of queued entries, first come first
  std::deque<std::string> promised_;  // ids of reserved entries
  std::vector<Leaving> leaving_;
  std::vector<std::string> claim_;  // not yet answered
  UnloadReason claim_reason_ = UnloadReason::evicted;
  std::map<std::string, Failure> failures_;
  std::map<std::string, Past> past_;                                // also of models that are gone
  std::map<std::pair<std::string, std::string>, Learned> learned_;  // by model and options
  std::uint64_t leaked_ = 0;
  std::vector<Device> devices_;         // as they were last seen
  std::vector<std::uint64_t> foreign_;  // of each, bytes that are not ours
  std::int64_t hits_ = 0, misses_ = 0, coalesced_ = 0, evictions_ = 0, expirations_ = 0, load_failures_ = 0;
};

}  // namespace medsynth::models
