// What a consumer has leased: messages that may run (ready), and those that were handed out and are not
// settled. All of them are in our ack sets; after a break reconcile() compares the two. What is given back
// goes back in the order in which it was fetched, and with it everything that has not started. Pure. Not
// thread safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "medsynth/dramatiq/broker.h"

namespace medsynth::dramatiq {

class Leases {
 public:
  // `work` is how long it is expected to run; empty: it waits for admission before it starts. An id that is
  // known already (somebody took its lease, and it was fetched again) is handed out once, and whoever has it
  // settles it.
  using Work = std::optional<std::chrono::microseconds>;
  void add(Received delivery, Work work);
  // The first ones that are ready, ours until settled() or given back: one that waits, or up to `count` of
  // together at most `work` that do not (the first whatever its work). One that waits holds up what is given
  // back until it started, is settled, or is given back itself. Nothing while something is being given back.
  std::vector<Received> take(std::chrono::microseconds work, std::size_t count);
  void started(const std::string& redis_message_id);
  void settled(const std::string& redis_message_id);  // or no longer ours

  void give_back(const std::string& redis_message_id);
  bool returning() const { return returned_ > 0; }
  // What goes back now, by queue and in order, and is no longer known here; empty while one that waits may
  // still start.
  std::map<std::string, std::vector<std::string>> returns();

  std::size_t ready() const { return returning() ? 0 : ready_.size(); }  // that take() would give

  // `leased` is our ack set of `queue`. Drops those not handed out that are not in it (somebody took our
  // lease), and returns what is in it and not known here (a reply of Redis was lost): to be given back.
  struct Difference {
    std::vector<std::string> strangers;
    std::int64_t lost = 0;
  };
  Difference reconcile(const std::string& queue, const std::vector<std::string>& leased);

  // Empties ready and what is being given back: ids by queue, in the order in which they came.
  std::map<std::string, std::vector<std::string>> drain();

 private:
  enum class State { ready, waiting, running, returned };
  struct Held {
    std::uint64_t order;
    std::string queue;
    Received delivery;  // until it is handed out
    Work work;
    State state = State::ready;
  };
  using Place = std::list<Held>::iterator;
  void enter(Place held, State state);

  std::list<Held> ready_, out_;                    // own what is held, each by its state
  std::unordered_map<std::string, Place> places_;  // by redis_message_id
  std::uint64_t next_order_ = 0;
  std::size_t waiting_ = 0;
  std::size_t returned_ = 0;
};

}  // namespace medsynth::dramatiq
