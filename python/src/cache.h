// The model cache of this process: any Python object under the plan of the C++ cache (models/plan.h). The GIL
// is its lock: each call decides and carries out in one step. Factories run in Python, on the thread of the
// caller whom the plan chose; who waits sleeps in Python and is woken by the tickets that calls return.
#pragma once

#include <nanobind/nanobind.h>

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "medsynth/models/plan.h"

namespace medsynth::python {

namespace nb = nanobind;

class Cache {
 public:
  using Tickets = std::vector<models::Ticket>;  // those whose answer has come

  explicit Cache(const models::CacheOptions& options);

  // The object, or None. Does not wait, and ends its use at once: the caller's reference keeps it alive.
  nb::object get(const std::string& id);
  // The same, but the use lasts until release().
  nb::object use(const std::string& id);
  Tickets release(const std::string& id);

  Tickets request(models::Ticket ticket, const std::string& id, const models::Metadata& metadata);
  // The answer, once: ("object", object), ("load",), ("refused", code, message, reason, retry_after); or
  // None.
  nb::object take(models::Ticket ticket);
  // Gives up waiting: (answer or None, waited for a place rather than for a load, tickets).
  nb::tuple leave(models::Ticket ticket, const std::string& id);
  Tickets loaded(const std::string& id, nb::object object, double seconds, std::uint64_t memory_bytes);
  Tickets load_failed(const std::string& id, Error cause);

  Tickets put(const std::string& id, nb::object object, const models::Metadata& metadata);
  std::pair<std::string, Tickets> remove(const std::string& id);
  std::pair<std::vector<std::pair<std::string, std::string>>, Tickets> clear();
  Tickets expire();
  std::optional<double> seconds_until_due() const;
  models::CacheStats stats();

 private:
  struct Answer {
    nb::object object;
    std::optional<Error> refused = {};
  };
  // An object that is there, and its uses.
  struct Seat {
    nb::object object;
    std::int64_t users = 0;
    std::int64_t hits = 0;  // since the plan was told
    SteadyTime last_use{};
    bool closed = false;         // it leaves: no use begins any more
    bool watched = false;        // the plan wants to hear of the end of the last use
    std::uint64_t measured = 0;  // bytes, where nobody said how many
  };

  // One that may be used now, or null; what is due is done first.
  Seat* find(const std::string& id);
  void seat(const std::string& id, nb::object object, std::uint64_t measured);
  void observe();
  // Carries out what the plan decided, with what follows from it. Objects that leave are dropped last: what
  // their destructors do may call the cache again.
  Tickets apply(models::Effects effects);
  models::Effects claim(const std::vector<std::string>& ids);
  models::Effects heard(const std::string& id);
  nb::object told(Answer answer) const;

  models::Plan plan_;
  std::unordered_map<std::string, Seat> seats_;
  std::optional<SteadyTime> due_;  // when the plan has something to do next
  std::map<models::Ticket, Answer> answers_;
};

// The cache of asf.medical.ml.model_cache, or null before it was made.
Cache* the_cache();

}  // namespace medsynth::python
