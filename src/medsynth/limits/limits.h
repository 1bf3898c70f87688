// What this machine may be asked to do: limits, measured use, slots and model locks. Slots and model locks
// hold per machine, across processes and languages (open-file-description locks in one folder), and are freed
// at once when their holder dies.
//
//   Limiter limiter(options, sensors);
//   Needs needs{.actor = "detect_contradiction", .model = "biomedlm", .cpu_share_percent = 50, .memory_bytes
//   = 200 << 20}; BOOST_OUTCOME_TRY(auto lease, limiter.acquire(needs, 600s, stop, [](const Wait& wait) {
//   show(wait.reason); }));
//   ... use the model; the lease lets go of everything when it is destroyed ...
//
// Thread safe. acquire() takes admission, slot and model lock in one step and holds none while it waits for
// the rest. Callers of all processes stand in one line and are served in the order they came; one passes
// another that is blocked only where that one starts no later for it (line.h). A forked child (fork() itself,
// not a bare clone) keeps no lock of its parent and may use the limiter on its own account; it begins with
// the limits of the options.
//
// It is no queue of tasks, decides nothing about models in memory, and does not enforce what a task really
// uses.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/base/described.h"
#include "medsynth/base/error.h"

namespace medsynth::limits {

// The four limits, per machine. 100 % switches a gate off.
struct Limits {
  double max_cpu_percent = 80;
  double max_memory_percent = 80;
  double max_gpu_percent = 80;
  std::int64_t max_concurrent_tasks = 5;
  bool operator==(const Limits&) const = default;
};
BOOST_DESCRIBE_STRUCT(Limits, (),
                      (max_cpu_percent, max_memory_percent, max_gpu_percent, max_concurrent_tasks))

// Measured use of this machine or container beside the limits: the answer of GET /v1/resources/usage for one
// host.
struct Usage {
  // Absent: unknown.
  std::optional<double> cpu_percent;     // of the CPUs this process tree may use
  std::optional<double> memory_percent;  // without reclaimable page cache, of the smallest limit above us
  std::optional<double> gpu_percent;     // the busiest GPU; 0 without one
  std::int64_t concurrent_tasks = 0;     // slots taken on this machine, by any process
  double max_cpu_percent = 80;
  double max_memory_percent = 80;
  double max_gpu_percent = 80;
  std::int64_t max_concurrent_tasks = 5;
  std::string reason;  // why no task starts now, as Wait's; "" while one may
  std::string detail;
};
BOOST_DESCRIBE_STRUCT(Usage, (),
                      (cpu_percent, memory_percent, gpu_percent, concurrent_tasks, max_cpu_percent,
                       max_memory_percent, max_gpu_percent, max_concurrent_tasks, reason, detail))

// What one task takes.
struct Needs {
  std::string actor;
  std::string model;                // "" needs no model lock
  std::int64_t model_parallel = 1;  // users of this model at once on this machine
  // Of the CPUs this process tree may use, while it runs; 0: nobody knows. Counts until enough tasks of this
  // actor and model have ended on this machine; from then on what those took.
  double cpu_share_percent = 0;
  std::uint64_t memory_bytes = 0;  // on top of what is in use now
  std::uint64_t gpu_bytes = 0;
  bool brief = false;  // ends within milliseconds: waits for a slot, and for no gate
};

// Why a task does not start yet: a refusal is data, not an error.
struct Wait {
  std::string reason;  // slots | model_lock | cpu | memory | gpu | gpu_memory
  std::string detail;  // "5 of 5 slots are taken"
  // Among those of the machine's line that wait for the same thing: 1 is next; 0: it is not in line.
  std::int64_t place = 0;
  // What may be had of it now, and what the task takes: slots, users of the model, percent of the CPUs or the
  // GPU, bytes. Absent: unknown, or nothing of its own.
  std::optional<double> have = {};
  std::optional<double> need = {};
};

// One slot that is taken on this machine, by whichever process.
struct SlotInfo {
  std::int64_t slot = 0;
  std::int64_t pid = 0;
  std::string actor;  // both names are cut after 63 bytes
  std::string model;
  double cpu_share_percent = 0;
  std::uint64_t memory_bytes = 0;
  std::string since;  // RFC 3339
};
BOOST_DESCRIBE_STRUCT(SlotInfo, (), (slot, pid, actor, model, cpu_share_percent, memory_bytes, since))

// Where admission stands in this process, for metrics. By reason: slots, model_lock, cpu, memory, gpu,
// gpu_memory.
struct AdmissionState {
  std::map<std::string, std::int64_t> waiting;    // callers that wait for it now
  std::map<std::string, std::int64_t> waits;      // callers that had to wait for it, since the start
  std::map<std::string, double> blocked_seconds;  // spent waiting for it, summed over the callers
  std::map<std::string, bool> closed;             // cpu, memory, gpu: that gate lets nobody in
};

// Everything a running task holds. Move only; lets go when destroyed, on any thread, also after its Limiter
// is gone. The copy that a forked child has of it holds nothing.
class Lease {
 public:
  Lease() noexcept;
  ~Lease();
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  void release();
  bool held() const { return impl_ != nullptr; }

 private:
  friend class Limiter;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct LimiterOptions {
  Limits limits;                      // this process's environment's
  std::filesystem::path runtime_dir;  // see runtime_dir()
  // The sensors are read at most this often, by whoever asks when a reading is due: there is no thread.
  std::chrono::milliseconds check_interval{1000};
  // A holder that dies rings nothing, and load that falls does not either: those first in line look again
  // this often, those behind them up to five times as seldom.
  std::chrono::milliseconds look_again{20};
};

// Where slots and locks live: `setting` (MEDSYNTH_RUNTIME_DIR), else /run/medsynth where it is writable, else
// /dev/shm/medsynth-<uid>; made with mode 700. not_allowed when another user owns it or may write to it.
Result<std::filesystem::path> runtime_dir(const std::string& setting);

class Sensors;  // limits/sensors.h

class Limiter {
 public:
  // `sensors` and `clock` outlive the limiter. invalid_argument: limits outside the ranges below. conflict:
  // the folder is in use by a version with another layout. not_allowed, exhausted: the folder cannot be
  // written.
  static Result<std::unique_ptr<Limiter>> open(const LimiterOptions& options, Sensors& sensors,
                                               const Clock& clock = system_clock());
  ~Limiter();

  // Waits until everything in `needs` is free at once. `on_wait` is told each new reason, with no lock held.
  // Errors: `timeout` (reason "resources_timeout", the last Wait in its message), `cancelled`, and at once
  // invalid_argument (reason "does_not_fit") when it can never fit under the limits in force. A thread that
  // holds its slot or this model's lock by the calls below is not made to wait for it again: the lease shares
  // it, and the slot's reservation is raised.
  Result<Lease> acquire(const Needs& needs, std::chrono::milliseconds timeout, std::stop_token stop = {},
                        const std::function<void(const Wait&)>& on_wait = {});
  // The same without waiting: nullopt and the reason when it must wait, or can never fit.
  std::pair<std::optional<Lease>, Wait> try_acquire(const Needs& needs);

  // The source document's calls: true when it was got in time. A slot comes with admission. Slot and model
  // lock are re-entrant for the thread that holds them (also by acquire()), each needs as many releases; a
  // release without an acquire is logged and does nothing; a thread that ends lets go of what it still holds.
  std::pair<bool, Usage> can_start_task();  // the reason when not is in the usage
  bool wait_for_resources(std::chrono::milliseconds timeout, std::stop_token stop = {});
  bool acquire_task_slot(std::chrono::milliseconds timeout, std::stop_token stop = {});
  void release_task_slot();
  bool acquire_model_lock(const std::string& model, std::chrono::milliseconds timeout,
                          std::stop_token stop = {});
  void release_model_lock(const std::string& model);
  void register_model_usage(const std::string& model, double memory_mb);
  std::map<std::string, double> model_usage() const;  // memory_mb by model, as registered in this process

  Usage get_resource_usage();
  std::vector<SlotInfo> slots() const;
  Limits limits() const;
  // Running tasks finish; none starts above the new limits. A number outside its range is drawn to the
  // nearest end of it.
  void set_limits(const Limits& limits);

  AdmissionState admission() const;

 private:
  struct Impl;
  explicit Limiter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace medsynth::limits

// A worker of an older version does not report the last two. Workers' reports are held to the ranges.
template <>
struct medsynth::described::Rules<medsynth::limits::Usage> {
  static constexpr std::array fields{
      Field{.name = "cpu_percent", .minimum = 0},
      Field{.name = "memory_percent", .minimum = 0},
      Field{.name = "gpu_percent", .minimum = 0},
      Field{.name = "concurrent_tasks", .minimum = 0},
      Field{.name = "max_cpu_percent", .minimum = 0, .maximum = 100},
      Field{.name = "max_memory_percent", .minimum = 0, .maximum = 100},
      Field{.name = "max_gpu_percent", .minimum = 0, .maximum = 100},
      Field{.name = "max_concurrent_tasks", .minimum = 1, .maximum = 4096},
      Field{.name = "reason", .help = "Why no task starts now; empty while one may", .optional = true},
      Field{.name = "detail", .help = "The same in words", .optional = true}};
};

template <>
struct medsynth::described::Rules<medsynth::limits::Limits> {
  static constexpr std::array fields{
      Field{.name = "max_cpu_percent",
            .help = "No task starts above this CPU use; 100 switches the gate off",
            .minimum = 0,
            .maximum = 100},
      Field{.name = "max_memory_percent",
            .help = "No task starts above this memory use; 100 switches the gate off",
            .minimum = 0,
            .maximum = 100},
      Field{.name = "max_gpu_percent",
            .help = "No task starts above this GPU use; 100 switches the gate off",
            .minimum = 0,
            .maximum = 100},
      Field{.name = "max_concurrent_tasks",
            .help = "Tasks that run at the same time on this machine",
            .minimum = 1,
            .maximum = 4096}};
};
