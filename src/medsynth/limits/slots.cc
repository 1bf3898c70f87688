#include "medsynth/limits/slots.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <ctime>
#include <thread>

#include <climits>
#include <fmt/format.h>

#include "medsynth/base/id.h"

namespace medsynth::limits {
namespace {

constexpr char kMagic[8] = {'M', 'E', 'D', 'S', 'L', 'O', 'T', 'S'};
constexpr std::size_t kTableBytes = sizeof(TableHeader) + kMaxSlots * sizeof(SlotRecord);
constexpr std::int64_t kGuardByte = kMaxSlots;

void cut_into(char (&out)[64], const std::string& text) {
  std::memset(out, 0, sizeof out);
  std::memcpy(out, text.data(), std::min(text.size(), sizeof out - 1));
}

// Writes the header of a new file, or checks that of an old one. The guard is held.
Result<> prepare(TableHeader& header, const std::filesystem::path& path) {
  const std::string_view zeros("\0\0\0\0\0\0\0\0", 8);
  if (std::string_view(header.magic, 8) == zeros) {
    header.version = kTableVersion;
    header.record_bytes = sizeof(SlotRecord);
    std::memcpy(header.magic, kMagic, 8);
    return success();
  }
  if (std::memcmp(header.magic, kMagic, 8) == 0 && header.version == kTableVersion &&
      header.record_bytes == sizeof(SlotRecord))
    return success();
  return Error{
      Code::conflict,
      fmt::format("{} belongs to another version of medsynth: stop that one and remove the file, or set "
                  "MEDSYNTH_RUNTIME_DIR to another folder",
                  path.string()),
      "runtime_dir_version"};
}

}  // namespace

SlotTable::SlotTable(LockFile file, void* memory)
    : file_(std::move(file)),
      header_(static_cast<TableHeader*>(memory)),
      records_(reinterpret_cast<SlotRecord*>(header_ + 1)) {}

SlotTable::~SlotTable() {
  ::munmap(header_, kTableBytes);
}

Result<std::shared_ptr<SlotTable>> SlotTable::open(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "slots";
  std::error_code ignored;
  std::filesystem::create_directory(folder / "models",
                                    ignored);  // opening the first lock there tells what is wrong
  BOOST_OUTCOME_TRY(auto file, LockFile::open(path));
  // Allocated at once: touching a page that a full file system cannot give would kill the process later.
  if (const int cause = ::posix_fallocate(file.descriptor(), 0, kTableBytes))
    return Error{
        Code::exhausted,
        fmt::format("cannot reserve {} bytes for {}: {}", kTableBytes, path.string(), std::strerror(cause)),
        ""};
  void* memory = ::mmap(nullptr, kTableBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor(), 0);
  if (memory == MAP_FAILED)
    return Error{Code::exhausted, fmt::format("cannot map {}: {}", path.string(), std::strerror(errno)), ""};
  std::shared_ptr<SlotTable> table(new SlotTable(std::move(file), memory));
  const Guard guard(*table, std::chrono::seconds(5));
  if (!guard)
    return Error{Code::timeout, fmt::format("{} is held by a process that does not move", path.string()), ""};
  BOOST_OUTCOME_TRY(prepare(*table->header_, path));
  return table;
}

SlotTable::Guard::Guard(SlotTable& table, std::chrono::milliseconds patience) : table_(table) {
  held_ = table_.file_.try_lock(kGuardByte);
  if (held_ || !table_.file_.is_open()) return;
  // Held for microseconds at a time: trying again beats a blocking call, which could not be given up.
  const SteadyTime end = std::chrono::steady_clock::now() + patience;
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

void SlotTable::visit(const std::function<void(int, const SlotRecord&)>& each) const {
  const int high = std::min<int>(kMaxSlots, static_cast<int>(header_->high.load(std::memory_order_relaxed)));
  for (int slot = 0; slot < high; ++slot)
    if (records_[slot].used.load(std::memory_order_acquire) != 0 && file_.locked_by_another(slot))
      each(slot, records_[slot]);
}

std::optional<int> SlotTable::take(LockFile& holder, const Reservation& reservation, const Needs& needs,
                                   WallTime now) {
  for (int slot = 0; slot < kMaxSlots; ++slot) {
    if (!holder.try_lock(slot)) continue;
    SlotRecord& record = records_[slot];
    record.pid = reservation.pid;
    record.cpu_share_percent = reservation.cpu_share_percent;
    record.memory_bytes = reservation.memory_bytes;
    record.memory_base = reservation.memory_base;
    record.gpu_bytes = reservation.gpu_bytes;
    record.gpu_base = reservation.gpu_base;
    record.since_us = micros(now);
    record.model_hash = needs.model.empty() ? 0 : model_name({}, needs.model).hash;
    cut_into(record.actor, needs.actor);
    cut_into(record.model, needs.model);
    record.used.store(1, std::memory_order_release);
    if (header_->high.load(std::memory_order_relaxed) <= static_cast<std::uint32_t>(slot))
      header_->high.store(slot + 1, std::memory_order_relaxed);
    return slot;
  }
  return std::nullopt;
}

void SlotTable::release(int slot, LockFile& holder) {
  if (!holder.is_open()) return;  // a forked child's copy: the slot is its parent's
  records_[slot].used.store(0, std::memory_order_release);
  holder.close();
  ring();
}

void SlotTable::wait(std::uint32_t seen, std::chrono::nanoseconds at_most) const {
  if (at_most <= std::chrono::nanoseconds(0)) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at_most);
  const timespec timeout{.tv_sec = static_cast<time_t>(seconds.count()),
                         .tv_nsec = static_cast<long>((at_most - seconds).count())};
  ::syscall(SYS_futex, &header_->bell, FUTEX_WAIT, seen, &timeout, nullptr, 0);
}

void SlotTable::ring() {
  header_->bell.fetch_add(1, std::memory_order_acq_rel);
  ::syscall(SYS_futex, &header_->bell, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

ModelName model_name(const std::filesystem::path& folder, const std::string& model) {
  // The readable part may collide, the hash does not.
  const std::string hash = sha256_hex(model).substr(0, 16);
  std::string name = model.substr(0, 64);
  for (char& each : name)
    if (!std::isalnum(static_cast<unsigned char>(each)) && each != '-' && each != '.') each = '_';
  return {folder / "models" / (name + "-" + hash), std::stoull(hash, nullptr, 16)};
}

ModelGrip::~ModelGrip() {
  if (!holder.is_open()) return;
  holder.close();
  table->ring();
}

}  // namespace medsynth::limits
