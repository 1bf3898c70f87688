// Lets tasks of this process in: keeps the line of those who wait, looks at the table of slots under its
// guard, asks admission.h, and reserves in the same step. Slots and model locks are re-entrant one floor up
// (limiter.cc). Thread safe.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "medsynth/limits/admission.h"
#include "medsynth/limits/sampler.h"
#include "medsynth/limits/slots.h"

namespace medsynth::limits {

struct Request {
  Needs needs;
  Ask ask;
  bool reserve = true;  // false: only waits until it could be had
};

// What was taken; a grip is empty when it was not asked for.
struct Grant {
  std::shared_ptr<SlotGrip> slot;
  std::shared_ptr<ModelGrip> model;
};
using Answer = std::variant<Grant, Wait, Never>;

class Gatekeeper {
 public:
  static Result<std::unique_ptr<Gatekeeper>> open(const LimiterOptions& options, Sensors& sensors,
                                                  const Clock& clock);

  // As Limiter::acquire().
  Result<Grant> acquire(const Request& request, std::chrono::milliseconds timeout,
                        const std::stop_token& stop, const std::function<void(const Wait&)>& on_wait);
  // As Limiter::try_acquire(). The error is the system's: no descriptors left.
  Result<Answer> try_acquire(const Request& request);
  // Raises what the slot has reserved to these needs, without asking.
  void raise(const SlotGrip& grip, const Needs& needs);

  Usage usage();
  std::vector<SlotInfo> slots();
  Limits limits() const;
  void set_limits(const Limits& limits);
  std::map<std::string, double> blocked_seconds() const;

 private:
  // The descriptors that a grant will hold, opened before any lock is taken.
  struct Holders {
    LockFile slot;
    LockFile model;
  };
  struct Waiter {
    const Request& request;
    std::string reason = {};  // of its last attempt; "" before the first
  };
  using Line = std::list<Waiter>;

  Gatekeeper(const LimiterOptions& options, std::shared_ptr<SlotTable> table, Sensors& sensors,
             const Clock& clock);
  Result<Holders> open_holders(const Request& request) const;
  Answer attempt(const Request& request, Holders& holders, Line::iterator place);
  Answer decide_and_take(const Request& request, Holders& holders, const Reading* reading);
  Snapshot look(const Reading* reading);
  Line::iterator join(const Request& request);
  void leave(Line::iterator place);
  void count_blocked(const std::string& reason, SteadyTime& since);

  const LimiterOptions options_;
  const std::shared_ptr<SlotTable> table_;
  const Clock& clock_;
  Sampler sampler_;
  std::mutex mutex_;  // guards the table (with its guard byte), line_ and gates_; held for microseconds
  Line line_;
  Gates gates_;
  mutable std::mutex numbers_;  // guards the two below
  Limits limits_;
  std::map<std::string, double> blocked_seconds_;
};

}  // namespace medsynth::limits
