// May this task start now? Pure decisions: a snapshot of the machine in, an answer out; no clock, no I/O, no
// threads. Who goes first is decided in line.h.
//
//   snapshot.gates = next_gates(snapshot);
//   Verdict verdict = decide(snapshot, demand);
//   if (!verdict.admitted()) show(explain(snapshot, demand, verdict, needs));
//
// A gate closes when the load without this task rises above its limit, and opens again a little below it, so
// that it does not flap; when no task of ours runs there is nothing to flap and it opens at the limit. A
// limit of 100 switches it off.
//
// A load that is unknown closes no gate, and is no idle machine either: while CPU use is unknown tasks run
// one at a time; while memory use is, those that need memory start only alone; what needs a GPU whose memory
// is unknown waits for it, and nothing else does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"

namespace medsynth::limits {

// What keeps a task waiting; the names are those of Wait::reason.
enum class Cause : std::uint8_t { none, slots, model_lock, cpu, memory, gpu, gpu_memory };
BOOST_DESCRIBE_ENUM(Cause, none, slots, model_lock, cpu, memory, gpu, gpu_memory)

// What is asked for, in numbers. The source document's calls ask for less than a task: no slot, or no gates.
struct Demand {
  double cpu_share_percent = 0;  // 0: nobody knows
  std::uint64_t memory_bytes = 0;
  std::uint64_t gpu_bytes = 0;
  std::uint64_t model = 0;  // hash of its id; 0 needs no lock
  std::int64_t model_parallel = 1;
  bool slot = true;
  bool gates = true;
};

// What is held on this machine by any process: a task's slot with what it reserved, or the lock of a model.
// A reservation melts as it becomes visible in what is measured.
struct Holding {
  std::int32_t pid = 0;
  bool slot = true;
  std::uint64_t model = 0;  // whose lock it is
  std::uint64_t task = 0;   // holdings of one number end together; 0: for itself
  double cpu_share_percent = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t gpu_bytes = 0;
  std::uint64_t memory_base = 0;  // anonymous bytes of its process when it started
  std::uint64_t gpu_base = 0;     // GPU bytes in use on the machine then
  bool unseen = false;            // of unknown share, and too young for its load to be measured
};

struct Gates {
  bool cpu_closed = false;
  bool memory_closed = false;
  bool gpu_closed = false;
  bool operator==(const Gates&) const = default;
};

struct Snapshot {
  Sample sample;
  Limits limits;
  std::int32_t self = 0;              // our own pid, whose CPU use is sample.own_cpu_percent
  std::vector<Holding> running;       // everything that is held
  std::vector<ProcessUse> processes;  // what the holders' processes use
  Gates gates;
};

// The load that admission compares with the limits. A process that reserved CPU shares counts with those
// instead of what it was measured to use; one whose slots declare none counts as measured.
struct Load {
  double foreign_cpu_percent = 0;   // measured, not ours
  double reserved_cpu_percent = 0;  // shares of running tasks
  double memory_bytes = 0;          // measured, and reserved but not yet visible
  double memory_percent = 0;
  double gpu_percent = 0;  // 0 while a task of ours has GPU memory: then the GPU's use is ours
  double gpu_bytes = 0;    // as memory_bytes
  double gpu_memory_percent = 0;
};
Load load_of(const Snapshot& snapshot);

// The gates after this snapshot, from the gates before it.
Gates next_gates(const Snapshot& snapshot);

struct Verdict {
  Cause cause = Cause::none;
  bool never = false;  // it can never start under these limits on this machine
  bool kept = false;   // there is room, but it is kept for one that came first
  bool admitted() const { return cause == Cause::none; }
  bool operator==(const Verdict&) const = default;
};

// Memory that could not be given even if nothing else ran.
Verdict never_fits(const Sample& sample, const Limits& limits, const Demand& demand);

// `snapshot.gates` are the gates now. When none of ours runs, a task whose own share takes the limit up alone
// is not refused for it: only the load of others must leave the gate open. Of tasks whose share nobody knows,
// one starts at a time, until its load is measured: ten of them do not pass one gap.
Verdict decide(const Snapshot& snapshot, const Demand& demand);

// A refusal in words and numbers, without its place in line; `needs` has the names.
Wait explain(const Snapshot& snapshot, const Demand& demand, Verdict verdict, const Needs& needs);

// --- the arithmetic of decide(), for line.h: everything that adds up, with what is measured taken out

struct Amounts {
  std::int64_t slots = 0;
  std::int64_t users = 0;  // of the one model that is looked at
  double cpu = 0;          // percent
  double memory = 0;       // bytes, as is gpu
  double gpu = 0;
  bool unseen = false;
  Amounts& operator+=(const Amounts& other);
};

class Room {
 public:
  explicit Room(const Snapshot& snapshot);

  void take(const Demand& demand) { taken_.push_back({amounts_of(demand), demand.model, 0}); }
  std::size_t size() const { return taken_.size(); }
  // What the holding `index` takes, as one that wants `model` sees it; what all take together.
  Amounts taken(std::size_t index, std::uint64_t model) const;
  Amounts taken(std::uint64_t model) const;
  // What is missing for `demand` beside `held`; none when it fits.
  Cause lacking(const Limits& limits, const Demand& demand, const Amounts& held) const;
  // True when `first` and `later` both fit beside `held` in all that `later` takes.
  bool holds_both(const Limits& limits, const Demand& first, const Demand& later, const Amounts& held) const;

  static Amounts amounts_of(const Demand& demand);

 private:
  bool starts_alone(const Limits& limits, const Demand& demand) const;
  friend Load load_of(const Snapshot&);
  struct Taken {
    Amounts amounts;
    std::uint64_t model = 0;
    std::uint64_t task = 0;
  };
  void merge();
  double foreign_cpu_ = 0;                                                    // percent
  double memory_used_ = 0, memory_total_ = 0, gpu_used_ = 0, gpu_total_ = 0;  // bytes
  bool cpu_unknown_ = false, memory_unknown_ = false, gpu_unknown_ = false;
  Gates gates_;
  std::vector<Taken> taken_;
};

}  // namespace medsynth::limits
