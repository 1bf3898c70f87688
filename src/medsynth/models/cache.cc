// The calls of the cache. What they set in motion is carried out in shell.cc.
#include "medsynth/models/cache.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "medsynth/models/shell.h"

namespace medsynth::models {
namespace {

// How long remove() waits for the memory to be back.
constexpr std::chrono::seconds kRemovalWait{1};

}  // namespace

Cache::Cache(CacheOptions options, const Clock& clock)
    : shell_(std::make_shared<CacheShell>(std::move(options), clock)) {
  shell_->start();
}

Cache::~Cache() {
  shell_->close();
}

std::optional<Handle> Cache::get(const std::string& id) {
  Handle handle = shell_->find(id);
  if (!handle) {
    const std::lock_guard lock(shell_->mutex);
    handle = shell_->find_locked(id);
  }
  return handle ? std::optional(std::move(handle)) : std::nullopt;
}

Result<Handle> Cache::get_or_create(const std::string& id, const Loader& load, const Metadata& metadata,
                                    std::chrono::milliseconds timeout, std::stop_token stop,
                                    const std::function<void(double)>& progress) {
  if (Handle handle = shell_->find(id)) return handle;
  const auto start = std::chrono::steady_clock::now();
  // A timeout of years must not run over the end of the clock.
  const auto deadline = start + std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(24 * 365));
  std::unique_lock lock(shell_->mutex);
  if (Handle handle = shell_->find_locked(id)) return handle;
  shell_->uses_devices = shell_->uses_devices || !metadata.device_bytes.empty();
  CacheShell::Waiter waiter{id, load};
  const Ticket ticket = shell_->next_ticket++;
  shell_->waiters.emplace(ticket, &waiter);
  shell_->observe();
  shell_->apply(shell_->plan.request(ticket, id, metadata, shell_->clock.steady()));
  shell_->work.notify_one();
  auto result = shell_->wait(lock, waiter, ticket, deadline, stop, progress);
  shell_->waiters.erase(ticket);
  // Letting go of a model takes the lock.
  lock.unlock();
  waiter.answer.reset();
  return result;
}

// The answer; or, when it does not come in time, the error of a waiter that has left.
Result<Handle> CacheShell::wait(std::unique_lock<std::mutex>& lock, Waiter& waiter, Ticket ticket,
                                std::chrono::steady_clock::time_point deadline, const std::stop_token& stop,
                                const std::function<void(double)>& progress) {
  double reported = 0;
  const auto part = [&] {
    const auto load = loads.find(waiter.id);
    return load == loads.end() ? 0 : load->second.progress;
  };
  while (!waiter.answer) {
    const bool woken = waiter.changed.wait_until(
        lock, stop, deadline, [&] { return waiter.answer || (progress && part() > reported); });
    if (waiter.answer) break;
    if (!woken) return leave(waiter, ticket, stop);
    reported = part();
    lock.unlock();
    std::string wrong;
    try {
      progress(reported);
    } catch (const std::exception& error) {
      wrong = fmt::format("the progress callback failed: {}", error.what());
    } catch (...) {
      wrong = "the progress callback failed";
    }
    lock.lock();
    if (wrong.empty()) continue;
    if (!waiter.answer) (void)leave(waiter, ticket, stop);
    return Error{Code::internal, std::move(wrong), "progress_failed"};
  }
  return std::move(*waiter.answer);
}

Error CacheShell::leave(const Waiter& waiter, Ticket ticket, const std::stop_token& stop) {
  observe();
  const std::string missing = plan.waits_for(waiter.id, clock.steady());
  auto left = plan.leave(ticket, waiter.id, clock.steady());
  apply(std::move(left.effects));
  if (stop.stop_requested())
    return {Code::cancelled, fmt::format("waiting for {} was cancelled", waiter.id), ""};
  if (left.for_place)
    return {Code::exhausted,
            fmt::format("no room in the model cache: what could leave is in use; {} got none in its time{}{}",
                        waiter.id, missing.empty() ? "" : ": it ", missing),
            "cache_full"};
  return {Code::timeout, fmt::format("{} was not loaded in its time", waiter.id), ""};
}

Result<> Cache::put(const std::string& id, std::shared_ptr<Loaded> model, const Metadata& metadata) {
  if (!model) return invalid("model", "must not be null");
  return shell_->put(id, std::move(model), metadata);
}

Result<> CacheShell::put(const std::string& id, std::shared_ptr<Loaded> model, const Metadata& metadata) {
  const std::lock_guard lock(mutex);
  std::vector<std::string> victims;
  do {  // until those who were idle when they were chosen are so still
    observe();
    BOOST_OUTCOME_TRY(victims, plan.make_way(id, metadata, clock.steady()));
  } while (!close_all(victims).empty());
  apply(plan.put(id, metadata, victims, clock.steady()));
  seat(id, std::move(model));
  apply(plan.tick(clock.steady()));
  work.notify_one();
  return success();
}

Removal Cache::remove(const std::string& id) {
  std::unique_lock lock(shell_->mutex);
  shell_->observe();
  auto [removal, effects] = shell_->plan.remove(id, shell_->clock.steady());
  shell_->apply(std::move(effects));
  if (removal == Removal::draining && !shell_->plan.contains(id)) removal = Removal::removed;
  if (removal == Removal::removed)
    shell_->settled.wait_for(lock, kRemovalWait, [&] { return !shell_->plan.is_unloading(id); });
  return removal;
}

std::vector<std::pair<std::string, Removal>> Cache::clear() {
  std::vector<std::pair<std::string, Removal>> done;
  std::unique_lock lock(shell_->mutex);
  shell_->observe();
  for (const std::string& id : shell_->plan.ids()) {
    auto [removal, effects] = shell_->plan.remove(id, shell_->clock.steady());
    shell_->apply(std::move(effects));
    if (removal == Removal::draining && !shell_->plan.contains(id)) removal = Removal::removed;
    if (removal != Removal::absent) done.emplace_back(id, removal);
  }
  shell_->settled.wait_for(lock, kRemovalWait, [&] {
    return std::none_of(done.begin(), done.end(),
                        [&](const auto& each) { return shell_->plan.is_unloading(each.first); });
  });
  return done;
}

void Cache::expire() {
  const std::lock_guard lock(shell_->mutex);
  shell_->observe();
  shell_->apply(shell_->plan.tick(shell_->clock.steady()));
}

void Cache::set_max_bytes(std::uint64_t max_bytes) {
  const std::lock_guard lock(shell_->mutex);
  shell_->observe();
  shell_->apply(shell_->plan.set_max_bytes(max_bytes, shell_->clock.steady()));
  shell_->work.notify_one();
}

void Cache::set_max_device_percent(double percent) {
  const std::lock_guard lock(shell_->mutex);
  shell_->observe();
  shell_->apply(shell_->plan.set_max_device_percent(percent, shell_->clock.steady()));
  shell_->work.notify_one();
}

std::vector<DeviceRoom> Cache::device_rooms(const std::string& id, const std::string& options) {
  if (!shell_->options.devices) return {};
  const std::vector<Device> devices = shell_->options.devices();
  const std::lock_guard lock(shell_->mutex);
  shell_->observe();
  shell_->apply(shell_->plan.see_devices(devices, shell_->clock.steady()));
  return shell_->plan.device_rooms(id, options);
}

bool Cache::contains(const std::string& id) const {
  const std::lock_guard lock(shell_->mutex);
  return shell_->plan.contains(id);
}

CacheStats Cache::get_stats() const {
  const std::lock_guard lock(shell_->mutex);
  shell_->observe();
  return shell_->plan.stats(shell_->clock.steady(), shell_->clock.now());
}

}  // namespace medsynth::models
