// What is held on this machine, and who waits: a file in the runtime folder, mapped as a table that every
// process shares. A record counts exactly while its byte of the file is locked, so a dead holder's record is
// void at once. There are three kinds:
//
//   holdings  a task's slot with its reservation, or the lock of a model
//   places    those who wait, in the order of their tickets; each has a futex of its own, its bell
//   shares    what kinds of tasks were seen to take of the CPU; never void
//
// One more byte is the guard: whoever holds it may look at the table and change it in one step. A release
// takes no guard: it rings the first in line, who looks and calls whoever else may go. A dead holder rings
// nothing, so waiters also look again from time to time.
//
// The table is no policy: who may go is decided in line.h and admission.h. Thread safe; what is said to need
// the guard is called with it.
#pragma once

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

#include "medsynth/base/clock.h"
#include "medsynth/limits/line.h"
#include "medsynth/limits/lock_file.h"
#include "medsynth/limits/shares.h"

namespace medsynth::limits {

inline constexpr int kMaxHoldings = 4096;
inline constexpr int kMaxPlaces = 1024;
inline constexpr int kMaxShares = 512;
// One that was called and has not come by then is passed over until it does.
inline constexpr std::chrono::milliseconds kComesWithin{50};

// Shared between processes and versions: the layout is frozen; a change needs a new kTableVersion.
inline constexpr std::uint32_t kTableVersion = 2;
enum class HoldingKind : std::uint32_t { none = 0, slot = 1, model = 2 };
struct HoldingRecord {
  std::atomic<HoldingKind> kind;  // none: need not ask for its lock. Another without it: its holder died
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
  std::uint32_t asks;  // bits: 1 slot, 2 gates, 4 takes
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
  char reserved[4064];
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
    std::unique_lock<std::timed_mutex> threads_;
    bool held_ = false;
  };

  // A description of the file of one's own, for one holding or place.
  Result<LockFile> new_holder() const { return file_.again(); }

  // --- holdings

  // Those whose holder lives.
  void visit(const std::function<void(int index, const HoldingRecord& record)>& each) const;
  // Takes a free record with `holder`, whose description then stands for it; nullopt when all are taken.
  // Needs the guard.
  std::optional<int> take(LockFile& holder, const Holding& holding, const Needs& needs, WallTime now);
  std::uint64_t next_ticket() { return table_->header.next_ticket.fetch_add(1, std::memory_order_relaxed); }
  HoldingRecord& holding(int index) { return table_->holdings[index]; }
  // Frees it, learns from a slot what its task took, and rings.
  void release(int index, LockFile& holder);

  // --- places in line

  // Takes the last place; nullopt when all are taken. Needs the guard.
  std::optional<int> join(LockFile& holder);
  // What the one in that place waits for. Needs the guard.
  void describe(int place, const Waiting& waiting);
  // Frees it; quietly, needing the guard, or with a ring.
  void vacate(int place) { table_->places[place].used.store(0, std::memory_order_release); }
  void leave(int place, LockFile& holder);

  struct InLine {
    int place = 0;
    std::uint64_t ticket = 0;
    Waiting waiting;
  };
  // Everybody in line, first come first; the place `self` has come, so it is not late. Places of the dead are
  // cleared when `thorough`, else they may still be there. Needs the guard.
  std::vector<InLine> line(int self, bool thorough);
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
  bool is_late(const PlaceRecord& record, std::int64_t now_us) const;
  void learn(const HoldingRecord& record, const Meter::Use& use);

  LockFile file_;  // takes the guard only
  Table* table_;
  std::timed_mutex threads_;
  std::mutex meter_mutex_;
  Meter meter_;  // guarded by meter_mutex_
  std::atomic<double> effective_cpus_{1};
  std::atomic<bool> full_{false};
};

// A slot or the lock of a model, held until the last owner lets go.
struct Grip {
  std::shared_ptr<SlotTable> table;
  LockFile holder;
  int index;
  Grip(std::shared_ptr<SlotTable> of, LockFile by, int number)
      : table(std::move(of)), holder(std::move(by)), index(number) {}
  Grip(const Grip&) = delete;
  ~Grip() { table->release(index, holder); }
};

// A place in line, until it goes away.
struct Place {
  std::shared_ptr<SlotTable> table;
  LockFile holder;
  int index = -1;
  std::uint32_t seen = 0;  // of its bell, before it looked
  Place() = default;
  Place(const Place&) = delete;
  ~Place() {
    if (index >= 0) table->leave(index, holder);
  }
};

}  // namespace medsynth::limits
