// May this task start now? Pure decisions: a snapshot of the machine in, an answer out; no clock, no I/O, no
// threads.
//
//   snapshot.gates = next_gates(snapshot);
//   Decision decision = decide(snapshot, needs);
//
// A gate closes when the load without this task rises above its limit, and opens again a little below it, so
// that it does not flap; when no task of ours runs there is nothing to flap and it opens at the limit. A
// limit of 100 switches it off.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"

namespace medsynth::limits {

// What one running task has reserved, and what was in use when it started: its reservation melts as it
// becomes visible.
struct Reservation {
  std::int32_t pid = 0;
  double cpu_share_percent = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t gpu_bytes = 0;
  std::uint64_t memory_base = 0;  // anonymous bytes of its process then
  std::uint64_t gpu_base = 0;     // GPU bytes in use on the machine then
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
  std::vector<Reservation> running;   // one for each slot that is taken, by any process
  std::vector<ProcessUse> processes;  // what their processes use
  std::int64_t model_users = 0;       // of the model that is asked for
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

// What is asked for; the source document's calls ask for less than a task.
struct Ask {
  bool slot = true;
  bool gates = true;
  bool model = true;  // only when the needs name one
};

struct Admit {};
// It can never start under these limits on this machine.
struct Never {
  std::string reason;  // as Wait's
  std::string detail;
};
using Decision = std::variant<Admit, Wait, Never>;

// Memory that could not be given even if nothing else ran.
std::optional<Never> never_fits(const Sample& sample, const Limits& limits, const Needs& needs);

// `snapshot.gates` are the gates now. When none of ours runs, a task whose own share takes the limit up alone
// is not refused for it: only the load of others must leave the gate open.
Decision decide(const Snapshot& snapshot, const Needs& needs, const Ask& ask = {});

}  // namespace medsynth::limits
