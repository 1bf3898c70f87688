// The slots of this machine: a file in the runtime folder, mapped as a table of fixed records that every
// process shares. Record i counts exactly while byte i of the file is locked, so a dead holder's record is
// void at once. One more byte is the guard: whoever holds it may look at the table and take a slot in one
// step. A futex in the header is the bell that each release rings; a dead holder rings nothing, so waiters
// also look again from time to time.
//
// The table is no policy: who may take a slot is decided in admission.h. Thread safety: wait(), ring() and
// SlotGrip from any thread; everything else by one thread at a time, and with the guard held.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "medsynth/base/clock.h"
#include "medsynth/limits/admission.h"
#include "medsynth/limits/lock_file.h"

namespace medsynth::limits {

inline constexpr int kMaxSlots = 4096;

// Shared between processes and versions: the layout is frozen; a change needs a new kTableVersion.
inline constexpr std::uint32_t kTableVersion = 1;
struct SlotRecord {
  std::atomic<std::uint32_t> used;  // 0: need not ask for its lock. 1 without the lock: its holder died
  std::int32_t pid;
  double cpu_share_percent;
  std::uint64_t memory_bytes;
  std::uint64_t memory_base;
  std::uint64_t gpu_bytes;
  std::uint64_t gpu_base;
  std::int64_t since_us;     // Unix time
  std::uint64_t model_hash;  // first 8 bytes of the SHA-256 of the model's id, 0 for none
  char actor[64];            // cut, ends with 0
  char model[64];
  char reserved[64];
};
static_assert(sizeof(SlotRecord) == 256 && std::atomic<std::uint32_t>::is_always_lock_free);

struct TableHeader {
  char magic[8];  // "MEDSLOTS"
  std::uint32_t version;
  std::uint32_t record_bytes;
  std::atomic<std::uint32_t> bell;
  std::atomic<std::uint32_t> high;  // records from here on were never used
  char reserved[4072];
};
static_assert(sizeof(TableHeader) == 4096);

class SlotTable {
 public:
  // conflict: the file is of another version.
  static Result<std::shared_ptr<SlotTable>> open(const std::filesystem::path& folder);
  ~SlotTable();

  // Holds the guard byte while it lives; false when others held it all through `patience`.
  class Guard {
   public:
    Guard(SlotTable& table, std::chrono::milliseconds patience);
    ~Guard();
    Guard(const Guard&) = delete;
    explicit operator bool() const { return held_; }

   private:
    SlotTable& table_;
    bool held_ = false;
  };

  void visit(const std::function<void(int slot, const SlotRecord& record)>& each) const;
  // Takes a free slot with `holder`, whose description then stands for it; nullopt when all kMaxSlots are
  // taken.
  std::optional<int> take(LockFile& holder, const Reservation& reservation, const Needs& needs, WallTime now);
  SlotRecord& record(int slot) { return records_[slot]; }
  void release(int slot, LockFile& holder);

  Result<LockFile> new_holder() const { return file_.again(); }

  std::uint32_t bell() const { return header_->bell.load(std::memory_order_acquire); }
  // Returns when the bell no longer reads `seen`, after `at_most`, or for no reason.
  void wait(std::uint32_t seen, std::chrono::nanoseconds at_most) const;
  void ring();  // wakes every waiter of every process

 private:
  SlotTable(LockFile file, void* memory);
  LockFile file_;  // takes the guard only
  TableHeader* header_;
  SlotRecord* records_;
};

// One slot, held until the last owner lets go.
struct SlotGrip {
  std::shared_ptr<SlotTable> table;
  LockFile holder;
  int slot;
  SlotGrip(std::shared_ptr<SlotTable> of, LockFile by, int number)
      : table(std::move(of)), holder(std::move(by)), slot(number) {}
  SlotGrip(const SlotGrip&) = delete;
  ~SlotGrip() { table->release(slot, holder); }
};

// The locks of one model: a file `models/<name>-<hash>` with as many bytes to lock as it may have users.
struct ModelName {
  std::filesystem::path file;
  std::uint64_t hash = 0;
};
ModelName model_name(const std::filesystem::path& folder, const std::string& model);

// The use of one model, held until the last owner lets go.
struct ModelGrip {
  std::shared_ptr<SlotTable> table;  // whose bell it rings
  LockFile holder;
  ModelGrip(std::shared_ptr<SlotTable> of, LockFile by) : table(std::move(of)), holder(std::move(by)) {}
  ModelGrip(const ModelGrip&) = delete;
  ~ModelGrip();
};

}  // namespace medsynth::limits
