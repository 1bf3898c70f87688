// What share of the CPUs a kind of task really takes: learned from each that ends, so that a task counts with
// its load before that load can be measured. Meter and learned() are pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "medsynth/base/clock.h"

namespace medsynth::limits {

using CpuTime = std::chrono::nanoseconds;  // of this process, all threads

// Divides the CPU time of this process among the tasks it runs, in proportion to their shares (evenly while
// nobody knows any). One thread at a time.
class Meter {
 public:
  void start(int task, double share, SteadyTime now, CpuTime used);
  struct Use {
    double cpus = 0;  // in the mean, while it ran
    std::chrono::nanoseconds ran{};
  };
  // nullopt for one that was not started.
  std::optional<Use> stop(int task, SteadyTime now, CpuTime used);

 private:
  struct Task {
    double share = 0;
    SteadyTime start;
    double cpu_seconds = 0;
  };
  void divide(CpuTime used);
  std::map<int, Task> tasks_;
  CpuTime divided_{};
};

// Stored in the table of slots, shared between processes: frozen.
struct LearnedShare {
  double percent = 0;  // of the CPUs this process tree may use
  std::uint32_t tasks = 0;
};

// With one more task that took `percent`. It rises fast and falls slowly, and does not fall at all on a
// machine that was full: there every task takes less than it would.
LearnedShare learned(LearnedShare before, double percent, bool machine_was_full);

// One or two tasks may have spent their time loading a model.
inline constexpr std::uint32_t kTasksToTrust = 3;
// What is shorter tells more about the scheduler than about the task.
inline constexpr std::chrono::milliseconds kShortestTask{10};

}  // namespace medsynth::limits
