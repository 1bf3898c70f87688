// What is held on this machine, and who waits: a file in the runtime folder, mapped as a table that every
// process shares. A record counts exactly while its byte of the file is locked, so a dead holder's record is
// void at once. There are three kinds:
//
//   holdings  a task's slot with its reservation, or the lock of a model
//   places    those who wait, in the order of their tickets; each has a futex of its own, its bell
//   shares    what kinds of tasks were seen to take of the CPU; never void
//
// The guard: whoever holds it may look at the table and change it in one step. It is a robust mutex in the
// table itself: free of system calls while nobody else wants it, and freed by the kernel when its owner dies.
// A release takes no guard: it rings the first in line, who looks and calls whoever else may go. A dead
// holder rings nothing, so waiters also look again from time to time.
//
// A process keeps the bytes of some records and places that it has freed locked, for its next tasks: to free
// one and to take it again is then a store in memory each. Others pass over a free one whose byte is locked.
//
// One guard and one file keep all three, so it is one class: slots.cc has holdings and shares, places.cc the line.
//
// The table is no policy: who may go is decided in line.h and admission.h. Thread safe; what is said to need
// the guard is called with it.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/limits/line.h"
#include "medsynth/limits/lock_file.h"
#include "medsynth/limits/shares.h"

namespace medsynth::limits {

inline constexpr int kMaxHoldings = 4096;
inline constexpr int kMaxPlaces = 1024;
inline constexpr int kMaxShares = 512;
// A process keeps at most so many holders for its next tasks, and records and places only among the first
// half of them: what is kept is nobody else's.
inline constexpr std::size_t kMaxKept = 16;
inline constexpr int kKeptRecords = kMaxHoldings / 2, kKeptPlaces = kMaxPlaces / 2;
// One that was called and has not come by then is passed over until it does.
inline constexpr std::chrono::milliseconds kComesWithin{50};

// Shared between processes and versions: the layout is frozen; a change needs a new kTableVersion.
inline constexpr std::uint32_t kTableVersion = 3;
enum class HoldingKind : std::uint32_t { none = 0, slot = 1, model = 2 };
struct HoldingRecord {
  std::atomic<HoldingKind> kind;  // none: free. Another, and its byte is not locked: its holder died
  std::int32_t pid;
  double cpu_share_percent;
  std::uint64_t memory_bytes;
  std::uint64_t memory_base;
  std::uint64_t gpu_bytes;
  std::uint64_t gpu_base;
  std::int64_t since_us;  // Unix time
  std::uint64_t model;    // hash of the model's id, 0 for none
  char actor_name[64];    // cut, ends with 0
  char model_name[64];
  std::uint64_t task;  // a slot and a lock that were taken in one step have the same
  char reserved[56];
};
static_assert(sizeof(HoldingRecord) == 256 && std::atomic<HoldingKind>::is_always_lock_free);

struct PlaceRecord {
  std::atomic<std::uint32_t> used;
  std::atomic<std::uint32_t> bell;
  std::atomic<std::uint64_t> ticket;
  std::atomic<std::int64_t> called_us;  // steady time at which it was called, 0 once it came
  std::atomic<std::int32_t> pid;
  std::uint32_t asks;  // bits: 1 slot, 2 gates, 4 takes, 8 begun
  double cpu_share_percent;
  std::uint64_t memory_bytes;
  std::uint64_t gpu_bytes;
  std::uint64_t model;
  std::int64_t model_parallel;
  double max_cpu_percent;
  double max_memory_percent;
  double max_gpu_percent;
  std::int64_t max_concurrent_tasks;
  char reserved[24];
};
static_assert(sizeof(PlaceRecord) == 128 && std::atomic<std::int64_t>::is_always_lock_free);

struct ShareRecord {
  std::atomic<std::uint64_t> kind;  // hash of actor and model, 0: free
  std::atomic<double> percent;
  std::atomic<std::uint32_t> tasks;
  char reserved[8];
};
static_assert(sizeof(ShareRecord) == 32 && std::atomic<double>::is_always_lock_free);

struct TableHeader {
  char magic[8];  // "MEDSLOTS"
  std::uint32_t version;
  std::uint32_t record_bytes;
  std::atomic<std::uint32_t> holdings_end;  // records from here on were never used
  std::atomic<std::uint32_t> places_end;
  std::atomic<std::uint64_t> next_ticket;
  pthread_mutex_t guard;  // glibc's
  char reserved[4064 - sizeof(pthread_mutex_t)];
};
static_assert(sizeof(TableHeader) == 4096);

struct Table {
  TableHeader header;
  HoldingRecord holdings[kMaxHoldings];
  PlaceRecord places[kMaxPlaces];
  ShareRecord shares[kMaxShares];
};

std::uint64_t model_hash(const std::string& model);  // 0 for ""
std::uint64_t kind_hash(const Needs& needs);         // of the kind of task that shares are learned for

// A description of the table's file of one's own, whose locks stand for one holding or place. Dead in a
// forked child, as the file.
struct Holder {
  LockFile file = {};
  int record = -1;  // whose byte it has locked: of a holding, or kept for the next
  int place = -1;   // the same
  bool is_open() const { return file.is_open(); }
};

class SlotTable {
 public:
  // conflict: the file is of another version.
  static Result<std::shared_ptr<SlotTable>> open(const std::filesystem::path& folder);
  ~SlotTable();

  // Keeps other threads and processes out while it lives; false when others did all through `patience`.
  class Guard {
   public:
    Guard(SlotTable& table, std::chrono::milliseconds patience);
    ~Guard();
    Guard(const Guard&) = delete;
    explicit operator bool() const { return held_; }

   private:
    SlotTable& table_;
    bool held_;
  };

  // For one holding or place: one that was used before, or a new one.
  Result<Holder> holder();
  Holder kept_holder();           // the same without opening anything: closed when none is kept
  void give_back(Holder holder);  // whose record and place are free by now

  // --- holdings

  // Those whose holder lives.
  void visit(const std::function<void(int index, const HoldingRecord& record)>& each) const;
  // Takes a free record with `holder`, whose description then stands for it; nullopt when all are taken.
  // Needs the guard.
  std::optional<int> take(Holder& holder, const Holding& holding, const Needs& needs, WallTime now);
  std::uint64_t next_ticket() { return table_->header.next_ticket.fetch_add(1, std::memory_order_relaxed); }
  HoldingRecord& holding(int index) { return table_->holdings[index]; }
  // Frees its record, learns from a slot what its task took, and rings.
  void release(Holder holder);

  // --- places in line

  // Takes the last place; nullopt when all are taken. Needs the guard.
  std::optional<int> join(Holder& holder);
  // What the one in that place waits for. Needs the guard.
  void describe(int place, const Waiting& waiting);
  // Frees it; quietly, needing the guard, or with a ring.
  void vacate(int place) { table_->places[place].used.store(0, std::memory_order_release); }
  void leave(Holder holder);

  struct InLine {
    int place = 0;
    std::uint64_t ticket = 0;
    Waiting waiting;
  };
  // Everybody in line, first come first; the place `self` has come, so it is not late. Places of the dead are
  // cleared when `thorough`, else they may still be there: to ask for a life is a system call. Needs the
  // guard.
  std::vector<InLine> line(int self, bool thorough);
  bool clear_if_dead(int place);  // Needs the guard.
  // Notes that it may be that one's turn. True when it has to be rung too: it was not called yet.
  bool call(int place);
  void ring(int place);
  void ring_first();
  void ring_process();  // everybody of this process
  std::uint32_t bell(int place) const;
  // Returns when that bell no longer reads `seen`, after `at_most`, or for no reason.
  void wait(int place, std::uint32_t seen, std::chrono::nanoseconds at_most) const;

  // --- shares

  // What a task of this kind takes of the CPUs, once enough of them ended.
  std::optional<double> share(std::uint64_t kind) const;
  // The machine as it was seen last: shares are learned against that.
  void saw(double effective_cpus, bool full);

 private:
  SlotTable(LockFile file, void* memory);
  Result<> prepare(const std::filesystem::path& path);
  std::optional<int> lock_free_record(Holder& holder);
  std::optional<int> lock_free_place(Holder& holder);
  void start_meter(int index, double share);
  void stop_meter(int index, const HoldingRecord& record);
  CpuTime cpu_time(SteadyTime now);
  void learn(const HoldingRecord& record, const Meter::Use& use);

  LockFile file_;
  const std::int32_t pid_;
  Table* table_;
  std::mutex kept_mutex_;
  std::vector<Holder> kept_;  // guarded by kept_mutex_
  std::mutex meter_mutex_;    // guards what follows
  Meter meter_;
  CpuTime cpu_time_{};
  SteadyTime cpu_time_read_{};
  std::atomic<double> effective_cpus_{1};
  std::atomic<bool> full_{false};
};

// A slot or the lock of a model, held until the last owner lets go.
struct Grip {
  std::shared_ptr<SlotTable> table;
  Holder holder;
  Grip(std::shared_ptr<SlotTable> of, Holder by) : table(std::move(of)), holder(std::move(by)) {}
  Grip(const Grip&) = delete;
  ~Grip() { table->release(std::move(holder)); }
};

// A place in line, until it goes away.
struct Place {
  SlotTable& table;
  Holder holder = {};
  int index = -1;
  std::uint32_t seen = 0;  // of its bell, before it looked
  explicit Place(SlotTable& of) : table(of) {}
  Place(const Place&) = delete;
  ~Place() {
    if (index >= 0)
      table.leave(std::move(holder));
    else
      table.give_back(std::move(holder));
  }
};

}  // namespace medsynth::limits
