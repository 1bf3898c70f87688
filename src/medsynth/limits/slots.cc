#include "medsynth/limits/slots.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <thread>

#include <fmt/format.h>

#include "medsynth/base/id.h"

namespace medsynth::limits {
namespace {

constexpr char kMagic[8] = {'M', 'E', 'D', 'S', 'L', 'O', 'T', 'S'};
constexpr std::int64_t kGuardByte = kMaxHoldings;

void cut_into(char (&out)[64], const std::string& text) {
  std::memset(out, 0, sizeof out);
  std::memcpy(out, text.data(), std::min(text.size(), sizeof out - 1));
}

CpuTime process_cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Writes the header of a new file, or checks that of an old one. The guard is held.
Result<> prepare(TableHeader& header, const std::filesystem::path& path) {
  const std::string_view zeros("\0\0\0\0\0\0\0\0", 8);
  if (std::string_view(header.magic, 8) == zeros) {
    header.version = kTableVersion;
    header.record_bytes = sizeof(HoldingRecord);
    header.next_ticket = 1;
    std::memcpy(header.magic, kMagic, 8);
    return success();
  }
  if (std::memcmp(header.magic, kMagic, 8) == 0 && header.version == kTableVersion &&
      header.record_bytes == sizeof(HoldingRecord))
    return success();
  return Error{
      Code::conflict,
      fmt::format("{} belongs to another version of medsynth: stop that one and remove the file, or set "
                  "MEDSYNTH_RUNTIME_DIR to another folder",
                  path.string()),
      "runtime_dir_version"};
}

}  // namespace

std::uint64_t model_hash(const std::string& model) {
  return model.empty() ? 0 : std::stoull(sha256_hex(model).substr(0, 16), nullptr, 16);
}

std::uint64_t kind_hash(const Needs& needs) {
  return std::stoull(sha256_hex(needs.actor + '\n' + needs.model).substr(0, 16), nullptr, 16) | 1;
}

SlotTable::SlotTable(LockFile file, void* memory)
    : file_(std::move(file)), table_(static_cast<Table*>(memory)) {}

SlotTable::~SlotTable() {
  ::munmap(table_, sizeof(Table));
}

Result<std::shared_ptr<SlotTable>> SlotTable::open(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "slots";
  BOOST_OUTCOME_TRY(auto file, LockFile::open(path));
  // Allocated at once: touching a page that a full file system cannot give would kill the process later.
  if (const int cause = ::posix_fallocate(file.descriptor(), 0, sizeof(Table)))
    return Error{
        Code::exhausted,
        fmt::format("cannot reserve {} bytes for {}: {}", sizeof(Table), path.string(), std::strerror(cause)),
        ""};
  void* memory = ::mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor(), 0);
  if (memory == MAP_FAILED)
    return Error{Code::exhausted, fmt::format("cannot map {}: {}", path.string(), std::strerror(errno)), ""};
  std::shared_ptr<SlotTable> table(new SlotTable(std::move(file), memory));
  const Guard guard(*table, std::chrono::seconds(5));
  if (!guard)
    return Error{Code::timeout, fmt::format("{} is held by a process that does not move", path.string()), ""};
  BOOST_OUTCOME_TRY(prepare(table->table_->header, path));
  return table;
}

SlotTable::Guard::Guard(SlotTable& table, std::chrono::milliseconds patience)
    : table_(table), threads_(table.threads_, std::defer_lock) {
  const SteadyTime end = std::chrono::steady_clock::now() + patience;
  if (!threads_.try_lock() && !threads_.try_lock_until(end)) return;
  held_ = table_.file_.try_lock(kGuardByte);
  if (held_ || !table_.file_.is_open()) return;
  // Held for microseconds at a time: trying again beats a blocking call, which could not be given up.
  for (int tries = 0; !held_ && std::chrono::steady_clock::now() < end; ++tries) {
    if (tries < 20)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    held_ = table_.file_.try_lock(kGuardByte);
  }
}

SlotTable::Guard::~Guard() {
  if (held_) table_.file_.unlock(kGuardByte);
}

void SlotTable::visit(const std::function<void(int, const HoldingRecord&)>& each) const {
  const int end = static_cast<int>(
      std::min<std::uint32_t>(kMaxHoldings, table_->header.holdings_end.load(std::memory_order_relaxed)));
  for (int index = 0; index < end; ++index) {
    const HoldingRecord& record = table_->holdings[index];
    if (record.kind.load(std::memory_order_acquire) != HoldingKind::none && file_.locked_by_another(index))
      each(index, record);
  }
}

std::optional<int> SlotTable::take(LockFile& holder, const Holding& holding, const Needs& needs,
                                   WallTime now) {
  for (int tried = 0; tried < 2 * kMaxHoldings; ++tried) {
    const int index = tried % kMaxHoldings;
    HoldingRecord& record = table_->holdings[index];
    // Those of the dead are asked in the second round: with many tasks each question adds up.
    const bool is_free = record.kind.load(std::memory_order_relaxed) == HoldingKind::none;
    if ((!is_free && tried < kMaxHoldings) || !holder.try_lock(index)) continue;
    record.pid = holding.pid;
    record.cpu_share_percent = holding.cpu_share_percent;
    record.memory_bytes = holding.memory_bytes;
    record.memory_base = holding.memory_base;
    record.gpu_bytes = holding.gpu_bytes;
    record.gpu_base = holding.gpu_base;
    record.since_us = micros(now);
    record.model = holding.model;
    record.task = holding.task;
    cut_into(record.actor_name, needs.actor);
    cut_into(record.model_name, needs.model);
    record.kind.store(holding.slot ? HoldingKind::slot : HoldingKind::model, std::memory_order_release);
    auto& end = table_->header.holdings_end;
    if (end.load(std::memory_order_relaxed) <= static_cast<std::uint32_t>(index))
      end.store(index + 1, std::memory_order_relaxed);
    if (holding.slot) {
      const std::lock_guard lock(meter_mutex_);
      meter_.start(index, holding.cpu_share_percent, std::chrono::steady_clock::now(), process_cpu_time());
    }
    return index;
  }
  return std::nullopt;
}

void SlotTable::release(int index, LockFile& holder) {
  if (!holder.is_open()) return;  // a forked child's copy: it is its parent's
  HoldingRecord& record = table_->holdings[index];
  if (record.kind.load(std::memory_order_relaxed) == HoldingKind::slot) {
    std::optional<Meter::Use> use;
    {
      const std::lock_guard lock(meter_mutex_);
      use = meter_.stop(index, std::chrono::steady_clock::now(), process_cpu_time());
    }
    if (use && use->ran >= kShortestTask) learn(record, *use);
  }
  record.kind.store(HoldingKind::none, std::memory_order_release);
  holder.close();
  ring_first();
}

void SlotTable::learn(const HoldingRecord& record, const Meter::Use& use) {
  const auto text = [](const char(&field)[64]) { return std::string(field, ::strnlen(field, sizeof field)); };
  const std::uint64_t kind = kind_hash({.actor = text(record.actor_name), .model = text(record.model_name)});
  for (int tries = 0; tries < kMaxShares; ++tries) {
    ShareRecord& share = table_->shares[(kind + static_cast<std::uint64_t>(tries)) % kMaxShares];
    std::uint64_t found = 0;
    if (!share.kind.compare_exchange_strong(found, kind, std::memory_order_acq_rel) && found != kind)
      continue;
    // Two that end at once may lose one of their lessons; there will be others.
    const LearnedShare after = learned({share.percent.load(), share.tasks.load()},
                                       use.cpus / effective_cpus_.load() * 100, full_.load());
    share.percent.store(after.percent);
    share.tasks.store(after.tasks);
    return;
  }
}

std::optional<double> SlotTable::share(std::uint64_t kind) const {
  for (int tries = 0; tries < kMaxShares; ++tries) {
    const ShareRecord& share = table_->shares[(kind + static_cast<std::uint64_t>(tries)) % kMaxShares];
    const std::uint64_t found = share.kind.load(std::memory_order_acquire);
    if (found == kind)
      return share.tasks.load() >= kTasksToTrust ? std::optional(share.percent.load()) : std::nullopt;
    if (found == 0) return std::nullopt;
  }
  return std::nullopt;
}

void SlotTable::saw(double effective_cpus, bool full) {
  if (effective_cpus > 0) effective_cpus_.store(effective_cpus, std::memory_order_relaxed);
  full_.store(full, std::memory_order_relaxed);
}

}  // namespace medsynth::limits
