#include "medsynth/limits/slots.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <thread>

#include <fmt/format.h>

namespace medsynth::limits {
namespace {

constexpr char kMagic[8] = {'M', 'E', 'D', 'S', 'L', 'O', 'T', 'S'};
// The header is written in microseconds.
constexpr std::chrono::seconds kOpensWithin{5};
constexpr std::int64_t kOpeningByte = kMaxHoldings;  // locked while the header is written or checked
// To ask for the CPU time of this process is a system call of a microsecond: an answer this young will do.
constexpr std::chrono::milliseconds kCpuTimeLasts{1};
// Shared by all who have the file open.
constexpr std::int64_t kOpenByte = kOpeningByte + 1 + kMaxPlaces;
// For the guard, some 3 us, before sleeping for it: it is mostly held for one or two.
constexpr int kTries = 200;

void cut_into(char (&out)[64], const std::string& text) {
  std::memset(out, 0, sizeof out);
  std::memcpy(out, text.data(), std::min(text.size(), sizeof out - 1));
}

CpuTime process_cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// FNV-1a. Every process of this machine must come to the same.
std::uint64_t hash_of(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325) {
  for (const char each : text) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3;
  return hash;
}

void make_guard(pthread_mutex_t& guard) {
  pthread_mutexattr_t how;
  ::pthread_mutexattr_init(&how);
  ::pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutex_init(&guard, &how);
  ::pthread_mutexattr_destroy(&how);
}

}  // namespace

std::uint64_t model_hash(const std::string& model) {
  return model.empty() ? 0 : hash_of(model) | 1;
}

std::uint64_t kind_hash(const Needs& needs) {
  return hash_of(needs.model, hash_of("\n", hash_of(needs.actor))) | 1;
}

SlotTable::SlotTable(LockFile file, void* memory)
    : file_(std::move(file)),
      pid_(static_cast<std::int32_t>(::getpid())),
      table_(static_cast<Table*>(memory)) {}

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
  BOOST_OUTCOME_TRY(table->prepare(path));
  return table;
}

// Writes the header of a new file, or checks that of an old one.
Result<> SlotTable::prepare(const std::filesystem::path& path) {
  const SteadyTime end = std::chrono::steady_clock::now() + kOpensWithin;
  while (!file_.try_lock(kOpeningByte)) {
    if (std::chrono::steady_clock::now() > end)
      return Error{Code::timeout, fmt::format("{} is held by a process that does not move", path.string()),
                   ""};
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  TableHeader& header = table_->header;
  const std::string_view magic(header.magic, sizeof header.magic);
  if (magic == std::string_view("\0\0\0\0\0\0\0\0", 8)) {
    header.version = kTableVersion;
    header.record_bytes = sizeof(HoldingRecord);
    header.next_ticket = 1;
    std::memcpy(header.magic, kMagic, sizeof kMagic);
  }
  // The first to open it: no power failure leaves the guard taken for ever, where the folder is on a disk.
  if (header.version == kTableVersion && file_.try_lock(kOpenByte)) make_guard(header.guard);
  file_.try_share(kOpenByte);
  file_.unlock(kOpeningByte);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) == 0 && header.version == kTableVersion &&
      header.record_bytes == sizeof(HoldingRecord))
    return success();
  return Error{
      Code::conflict,
      fmt::format("{} belongs to another version of medsynth: stop that one and remove the file, or set "
                  "MEDSYNTH_RUNTIME_DIR to another folder",
                  path.string()),
      "runtime_dir_version"};
}

SlotTable::Guard::Guard(SlotTable& table, std::chrono::milliseconds patience) : table_(table) {
  if (!table_.file_.is_open()) {  // a forked child's copy
    held_ = false;
    return;
  }
  pthread_mutex_t* const guard = &table_.table_->header.guard;
  int answer = ::pthread_mutex_trylock(guard);
  for (int tries = 0; answer == EBUSY && tries < kTries; ++tries) answer = ::pthread_mutex_trylock(guard);
  if (answer == EBUSY) {
    const auto end = (std::chrono::steady_clock::now() + patience).time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(end);
    const timespec until{.tv_sec = static_cast<time_t>(seconds.count()),
                         .tv_nsec = static_cast<long>(std::chrono::nanoseconds(end - seconds).count())};
    answer = ::pthread_mutex_clocklock(guard, CLOCK_MONOTONIC, &until);
  }
  // Its owner died in the middle of a step: a record or place that is half written has no lock, so it is
  // void.
  if (answer == EOWNERDEAD) answer = ::pthread_mutex_consistent(guard);
  held_ = answer == 0;
}

SlotTable::Guard::~Guard() {
  if (held_) ::pthread_mutex_unlock(&table_.table_->header.guard);
}

Holder SlotTable::kept_holder() {
  const std::lock_guard lock(kept_mutex_);
  if (kept_.empty()) return {};
  Holder kept = std::move(kept_.back());
  kept_.pop_back();
  return kept;
}

Result<Holder> SlotTable::holder() {
  if (Holder kept = kept_holder(); kept.is_open()) return kept;
  BOOST_OUTCOME_TRY(auto file, file_.again());
  return Holder{.file = std::move(file)};
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

std::optional<int> SlotTable::lock_free_record(Holder& holder) {
  for (int tried = 0; tried < 2 * kMaxHoldings; ++tried) {
    const int index = tried % kMaxHoldings;
    // Those of the dead are asked in the second round: with many tasks each question adds up.
    const bool is_free = table_->holdings[index].kind.load(std::memory_order_relaxed) == HoldingKind::none;
    if ((is_free || tried >= kMaxHoldings) && holder.file.try_lock(index)) return index;
  }
  return std::nullopt;
}

std::optional<int> SlotTable::take(Holder& holder, const Holding& holding, const Needs& needs, WallTime now) {
  if (holder.record < 0) holder.record = lock_free_record(holder).value_or(-1);
  if (holder.record < 0) return std::nullopt;
  const int index = holder.record;
  HoldingRecord& record = table_->holdings[index];
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
  if (holding.slot) start_meter(index, holding.cpu_share_percent);
  return index;
}

void SlotTable::release(Holder holder) {
  if (!holder.is_open()) return;  // a forked child's copy: it is its parent's
  HoldingRecord& record = table_->holdings[holder.record];
  if (record.kind.load(std::memory_order_relaxed) == HoldingKind::slot) stop_meter(holder.record, record);
  record.kind.store(HoldingKind::none, std::memory_order_release);
  give_back(std::move(holder));
  ring_first();
}

// One reading serves all that start or stop within kCpuTimeLasts. meter_mutex_ is held.
CpuTime SlotTable::cpu_time(SteadyTime now) {
  if (now - cpu_time_read_ > kCpuTimeLasts) {
    cpu_time_ = process_cpu_time();
    cpu_time_read_ = now;
  }
  return cpu_time_;
}

void SlotTable::start_meter(int index, double share) {
  const std::lock_guard lock(meter_mutex_);
  const SteadyTime now = std::chrono::steady_clock::now();
  meter_.start(index, share, now, cpu_time(now));
}

void SlotTable::stop_meter(int index, const HoldingRecord& record) {
  std::optional<Meter::Use> use;
  {
    const std::lock_guard lock(meter_mutex_);
    const SteadyTime now = std::chrono::steady_clock::now();
    use = meter_.stop(index, now, cpu_time(now));
  }
  if (use && use->ran >= kShortestTask) learn(record, *use);
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
