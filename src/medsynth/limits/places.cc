// The line of those who wait, and their bells: the second half of slots.h.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "medsynth/limits/slots.h"

namespace medsynth::limits {
namespace {

constexpr std::int64_t kFirstPlaceByte = kMaxHoldings + 1;  // one is for opening the file
constexpr std::uint32_t kSlot = 1, kGates = 2, kTakes = 4, kBegun = 8;

std::int64_t steady_us() {
  // The same clock in every process of a machine.
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int places_end(const Table& table) {
  return static_cast<int>(
      std::min<std::uint32_t>(kMaxPlaces, table.header.places_end.load(std::memory_order_acquire)));
}

Waiting read(const PlaceRecord& record) {
  return {.demand = {.cpu_share_percent = record.cpu_share_percent,
                     .memory_bytes = record.memory_bytes,
                     .gpu_bytes = record.gpu_bytes,
                     .model = record.model,
                     .model_parallel = record.model_parallel,
                     .slot = (record.asks & kSlot) != 0,
                     .gates = (record.asks & kGates) != 0},
          .limits = {.max_cpu_percent = record.max_cpu_percent,
                     .max_memory_percent = record.max_memory_percent,
                     .max_gpu_percent = record.max_gpu_percent,
                     .max_concurrent_tasks = record.max_concurrent_tasks},
          .takes = (record.asks & kTakes) != 0,
          .begun = (record.asks & kBegun) != 0};
}

bool is_late(const PlaceRecord& record, std::int64_t now_us) {
  const std::int64_t called = record.called_us.load(std::memory_order_acquire);
  return called != 0 && now_us - called > std::chrono::microseconds(kComesWithin).count();
}

}  // namespace

std::optional<int> SlotTable::lock_free_place(Holder& holder) {
  for (int tried = 0; tried < 2 * kMaxPlaces; ++tried) {
    const int index = tried % kMaxPlaces;
    // As with holdings, those of the dead are asked in the second round.
    const bool is_free = table_->places[index].used.load(std::memory_order_relaxed) == 0;
    if ((is_free || tried >= kMaxPlaces) && holder.file.try_lock(kFirstPlaceByte + index)) return index;
  }
  return std::nullopt;
}

std::optional<int> SlotTable::join(Holder& holder) {
  if (holder.place < 0) holder.place = lock_free_place(holder).value_or(-1);
  if (holder.place < 0) return std::nullopt;
  const int index = holder.place;
  PlaceRecord& place = table_->places[index];
  place.pid = pid_;
  place.ticket = next_ticket();
  place.called_us = 0;
  place.used.store(1, std::memory_order_release);
  auto& end = table_->header.places_end;
  if (end.load(std::memory_order_relaxed) <= static_cast<std::uint32_t>(index))
    end.store(index + 1, std::memory_order_release);
  // A release frees its record, then looks for who waits; whoever joins is seen there, or sees it free.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return index;
}

void SlotTable::describe(int index, const Waiting& waiting) {
  PlaceRecord& place = table_->places[index];
  const Demand& demand = waiting.demand;
  place.asks = (demand.slot ? kSlot : 0) | (demand.gates ? kGates : 0) | (waiting.takes ? kTakes : 0) |
               (waiting.begun ? kBegun : 0);
  place.cpu_share_percent = demand.cpu_share_percent;
  place.memory_bytes = demand.memory_bytes;
  place.gpu_bytes = demand.gpu_bytes;
  place.model = demand.model;
  place.model_parallel = demand.model_parallel;
  place.max_cpu_percent = waiting.limits.max_cpu_percent;
  place.max_memory_percent = waiting.limits.max_memory_percent;
  place.max_gpu_percent = waiting.limits.max_gpu_percent;
  place.max_concurrent_tasks = waiting.limits.max_concurrent_tasks;
}

void SlotTable::leave(Holder holder) {
  if (!holder.is_open()) return;  // a forked child's copy
  vacate(holder.place);
  give_back(std::move(holder));
  ring_first();
}

void SlotTable::give_back(Holder holder) {
  if (!holder.is_open() || holder.record >= kKeptRecords || holder.place >= kKeptPlaces)
    return;  // closed, which frees its locks
  const std::lock_guard lock(kept_mutex_);
  if (kept_.size() < kMaxKept) kept_.push_back(std::move(holder));
}

std::vector<SlotTable::InLine> SlotTable::line(int self, bool thorough) {
  std::vector<InLine> out;
  const std::int64_t now = steady_us();
  for (int index = 0; index < places_end(*table_); ++index) {
    PlaceRecord& place = table_->places[index];
    if (place.used.load(std::memory_order_acquire) == 0) continue;
    if (index == self)
      place.called_us = 0;
    else if (thorough && clear_if_dead(index))
      continue;
    out.push_back({index, place.ticket.load(std::memory_order_relaxed), read(place)});
    out.back().waiting.late = is_late(place, now);
  }
  std::sort(out.begin(), out.end(), [](const InLine& a, const InLine& b) { return a.ticket < b.ticket; });
  return out;
}

bool SlotTable::clear_if_dead(int index) {
  if (file_.locked_by_another(kFirstPlaceByte + index)) return false;
  vacate(index);
  return true;
}

bool SlotTable::call(int index) {
  std::int64_t not_called = 0;
  return table_->places[index].called_us.compare_exchange_strong(not_called, steady_us(),
                                                                 std::memory_order_acq_rel);
}

void SlotTable::ring(int index) {
  auto& bell = table_->places[index].bell;
  bell.fetch_add(1, std::memory_order_acq_rel);
  ::syscall(SYS_futex, &bell, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

// The first who lives and is not late; nobody else need look, for that one looks for everybody.
void SlotTable::ring_first() {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // see join()
  std::int64_t now = 0;
  std::uint64_t after = 0;  // tickets from 1
  while (true) {
    int first = -1;
    std::uint64_t lowest = UINT64_MAX;
    for (int index = 0; index < places_end(*table_); ++index) {
      const PlaceRecord& place = table_->places[index];
      const std::uint64_t ticket = place.ticket.load(std::memory_order_relaxed);
      if (place.used.load(std::memory_order_acquire) == 0 || ticket <= after || ticket >= lowest) continue;
      if (now == 0) now = steady_us();
      if (is_late(place, now)) continue;
      first = index;
      lowest = ticket;
    }
    if (first < 0) return;
    if (call(first)) ring(first);  // before it is asked whether it lives: mostly it does
    if (file_.locked_by_another(kFirstPlaceByte + first)) return;
    after = lowest;
  }
}

void SlotTable::ring_process() {
  for (int index = 0; index < places_end(*table_); ++index)
    if (table_->places[index].used.load(std::memory_order_acquire) != 0 && table_->places[index].pid == pid_)
      ring(index);
}

std::uint32_t SlotTable::bell(int place) const {
  return table_->places[place].bell.load(std::memory_order_acquire);
}

void SlotTable::wait(int place, std::uint32_t seen, std::chrono::nanoseconds at_most) const {
  if (at_most <= std::chrono::nanoseconds(0)) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at_most);
  const timespec timeout{.tv_sec = static_cast<time_t>(seconds.count()),
                         .tv_nsec = static_cast<long>((at_most - seconds).count())};
  ::syscall(SYS_futex, &table_->places[place].bell, FUTEX_WAIT, seen, &timeout, nullptr, 0);
}

}  // namespace medsynth::limits
