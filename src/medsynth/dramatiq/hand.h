// What a consumer has in hand: messages that may run (ready), messages whose time has not come (delayed), and
// those that were handed out and are not settled. Everything in hand is in our ack sets; after a break
// reconcile() compares the two. Pure. Not thread safe.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/dramatiq/broker.h"

namespace medsynth::dramatiq {

class Hand {
 public:
  // By its eta, ready or delayed. One of a delay queue is never ready: it goes back to the canonical queue
  // when due.
  void add(Delivery delivery, WallTime now);

  std::optional<Delivery> take();  // the first that is ready; in hand until settled()
  // The next delayed one that is due and must be moved to its canonical queue; in hand until settled(), or
  // add() again when moving failed. Those that were fetched from their canonical queue become ready instead.
  std::optional<Delivery> take_due(WallTime now);
  void settled(const Delivery& delivery);  // settled, or no longer ours

  std::size_t ready() const { return ready_.size(); }
  std::size_t delayed() const { return delayed_.size(); }
  std::optional<WallTime> next_due() const;

  // `leased` is our ack set of `queue`. Drops those not handed out that are not in it (somebody took our
  // lease), and answers what is in it but not in hand (an answer of Redis was lost): to be given back.
  struct Difference {
    std::vector<std::string> strangers;
    std::int64_t lost = 0;
  };
  Difference reconcile(const std::string& queue, const std::vector<std::string>& leased);

  // Empties ready and delayed: ids by queue, in the order in which they came.
  std::map<std::string, std::vector<std::string>> drain();

 private:
  std::deque<Delivery> ready_;
  std::multimap<WallTime, Delivery> delayed_;
  std::unordered_set<std::string> held_;  // redis_message_ids, also of those handed out
};

}  // namespace medsynth::dramatiq
