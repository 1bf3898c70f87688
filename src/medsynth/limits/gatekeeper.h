// Lets tasks of this process in: looks at the table of this machine under its guard, asks line.h, and takes
// in the same step; whoever has to wait stands in the machine's line. Slots and model locks are re-entrant
// one floor up (limiter.cc). Thread safe.
#pragma once

#include <array>
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

// What is asked for beyond what is held already; the source document's calls ask for less than a task.
struct Request {
  Needs needs;
  bool slot = true;
  bool gates = true;
  bool model = true;    // only when the needs name one
  bool reserve = true;  // false: only waits until it could be had
  bool begun = false;   // the thread holds something already
};

// What was taken; a grip is empty when it was not asked for.
struct Grant {
  std::shared_ptr<Grip> slot;
  std::shared_ptr<Grip> model;
};
struct Never : Wait {};
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
  void raise(const Grip& grip, const Needs& needs);

  Usage usage();
  std::vector<SlotInfo> slots();
  Limits limits() const;
  void set_limits(const Limits& limits);
  AdmissionState admission() const;

 private:
  // What a request may come to hold, opened before any lock is taken.
  struct Holders {
    Holder slot;
    Holder model;
  };
  // One caller on its way: what it asks for in numbers, and where it stands.
  struct Caller {
    const Request& request;
    Demand demand;
    Holders holders;
    Place place;
    bool look_at_all = false;  // who of those in line is dead: not only of those who may go
    int ahead = 0;             // of it in line
    int ahead_for_same = 0;    // of those, that wait for the same thing
    ~Caller() {                // what was not taken
      place.table.give_back(std::move(holders.slot));
      place.table.give_back(std::move(holders.model));
    }
  };

  Gatekeeper(const LimiterOptions& options, std::shared_ptr<SlotTable> table, Sensors& sensors,
             const Clock& clock);
  Result<Holders> open_holders(const Request& request);
  Demand demand_of(const Request& request) const;
  // What one look under the guard came to. A refusal is put into words after it.
  struct Look {
    std::optional<Grant> grant = std::nullopt;
    Snapshot snapshot = {};
    Verdict verdict = {};
    std::vector<int> called = {};             // places to ring
    std::optional<Wait> wait = std::nullopt;  // for something that no verdict is about
  };
  Answer attempt(Caller& caller);
  void look_and_take(Caller& caller, const Reading* reading, Look& seen);
  std::vector<Verdict> judge(const Snapshot& snapshot, std::vector<SlotTable::InLine>& line, int self);
  std::optional<Grant> take(Caller& caller, const Snapshot& snapshot, const Reading* reading);
  Snapshot look(const Reading* reading);
  void set_gates(const Gates& gates);

  // Counts one caller as waiting for one cause at a time.
  class Blocked;

  const LimiterOptions options_;
  const std::shared_ptr<SlotTable> table_;
  const Clock& clock_;
  const std::int32_t self_;
  Sampler sampler_;
  Gates gates_;                 // guarded by the table's guard
  mutable std::mutex numbers_;  // guards what follows
  Limits limits_;
  AdmissionState state_;
};

}  // namespace medsynth::limits
