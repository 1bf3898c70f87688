// What takes time, each on a thread of its own: loading a model, giving one's memory back, checking memory,
// waiting for the next TTL. The mutex is let go meanwhile.
#include <malloc.h>
#include <pthread.h>

#include <algorithm>
#include <exception>
#include <new>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/log.h"
#include "medsynth/models/shell.h"

namespace medsynth::models {
namespace {

// Progress is passed on in steps of this size.
constexpr double kProgressStep = 0.01;
// Memory that has not come back after this time, looked at so often, counts as leaked.
constexpr std::chrono::milliseconds kReturnTime{150};
constexpr std::chrono::milliseconds kReturnLook{10};
constexpr double kReturned = 0.95;
// While a model waits for a GPU its driver is asked so often: nobody tells when another program leaves it.
constexpr std::chrono::milliseconds kDeviceLook{500};

// Of each device what came into use between two looks; empty: it is not known.
std::vector<std::uint64_t> taken(const std::vector<Device>& before, const std::vector<Device>& after) {
  std::vector<std::uint64_t> bytes;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i)
    bytes.push_back(before[i].memory_free - std::min(before[i].memory_free, after[i].memory_free));
  return bytes;
}

Result<std::shared_ptr<Loaded>> run(const Loader& load, const std::function<void(double)>& progress,
                                    const std::stop_token& stop, const std::string& id) try {
  auto loaded = load(progress, stop);
  if (loaded && !*loaded) return Error{Code::internal, fmt::format("the loader of {} gave no model", id), ""};
  return loaded;
} catch (const std::bad_alloc&) {
  return Error{Code::exhausted, fmt::format("no memory to load {}", id), "no_memory"};
} catch (const std::exception& error) {
  return Error{Code::internal, fmt::format("loading {} failed: {}", id, error.what()), ""};
} catch (...) {
  return Error{Code::internal, fmt::format("loading {} failed", id), ""};
}

}  // namespace

// --- loads

void CacheShell::load_in_thread(const std::string& id, const Loader& load, const std::stop_token& stop) {
  const std::vector<Device> devices = see_devices();
  const std::uint64_t before = options.measure();
  const auto start = std::chrono::steady_clock::now();
  auto loaded = run(load, [&](double part) { report_progress(id, part); }, stop, id);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::uint64_t after = options.measure();
  const bool good = loaded.has_value();
  if (good)
    log::info("model loaded", {{"model", id}, {"seconds", seconds}});
  else
    log::warning("model not loaded", {{"model", id}, {"error", loaded.error().message}});
  if (good) tell({.model = id, .seconds = seconds});
  finish(id, std::move(loaded), {.seconds = seconds, .device_bytes = taken(devices, see_devices())}, before,
         after);
}

// Drivers are only asked where a model has something on a GPU: starting them takes time and memory.
std::vector<Device> CacheShell::see_devices() const {
  return options.devices && uses_devices ? options.devices() : std::vector<Device>();
}

void CacheShell::report_progress(const std::string& id, double part) {
  const std::uint64_t anonymous = options.measure();
  const std::lock_guard lock(mutex);
  Load& load = loads.at(id);
  load.peak = std::max(load.peak, anonymous);
  if (part < load.progress + kProgressStep) return;
  load.progress = part;
  for (auto& [ticket, waiter] : waiters) {
    if (waiter->id == id) waiter->changed.notify_one();
  }
}

void CacheShell::finish(const std::string& id, Result<std::shared_ptr<Loaded>> loaded, LoadReport report,
                        std::uint64_t before, std::uint64_t after) {
  const std::lock_guard lock(mutex);
  Load load = std::move(loads.extract(id).mapped());
  ended.push_back(std::move(load.thread));
  const bool alone = load.alone && load.moves == moves;
  ++moves;
  observe();
  if (loaded) {
    if (!alone) report.device_bytes.clear();
    if (alone && before > 0) {
      report.anonymous = after > before ? after - before : 0;
      report.peak = load.peak > before ? load.peak - before : 0;
      learned_changed = true;
    }
    seat(id, std::move(*loaded));
    apply(plan.loaded(id, report, clock.steady()));
  } else {
    apply(plan.load_failed(id, loaded.error(), clock.steady()));
  }
  work.notify_one();
  unloads.notify_one();
}

// --- threads

// Destroys one model, gives its memory back to the system, and waits until it is measured to be back.
void CacheShell::unload_next(std::unique_lock<std::mutex>& lock) {
  Leaving next = std::move(leaving.front());
  leaving.pop_front();
  ++unloading;
  const std::uint64_t moves_before = ++moves;
  const bool alone = loads.empty() && unloading == 1;
  lock.unlock();
  const auto start = std::chrono::steady_clock::now();
  const std::uint64_t before = options.measure();
  next.model.reset();
  std::uint64_t returned = 0;
  for (;;) {
    malloc_trim(0);  // the allocator keeps what was freed, and the machine does not see it
    const std::uint64_t after = options.measure();
    returned = before > after ? before - after : 0;
    const auto wanted = static_cast<std::uint64_t>(kReturned * static_cast<double>(next.expected));
    if (!alone || returned >= wanted || std::chrono::steady_clock::now() - start >= kReturnTime) break;
    std::this_thread::sleep_for(kReturnLook);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double age = std::chrono::duration<double>(clock.steady() - next.loaded_at).count();
  log::info("model unloaded", {{"model", next.id},
                               {"reason", described::enum_name(next.reason)},
                               {"seconds", seconds},
                               {"returned_bytes", returned}});
  tell({.model = next.id, .seconds = seconds, .reason = next.reason, .age = age});
  const std::vector<Device> devices = see_devices();
  lock.lock();
  --unloading;
  const bool told_apart = alone && moves == moves_before && before > 0;
  ++moves;
  learned_changed = learned_changed || told_apart;
  observe();
  apply(plan.unloaded(next.id, told_apart ? std::optional(returned) : std::nullopt, clock.steady(), devices));
  work.notify_one();
  settled.notify_all();
}

void CacheShell::check_memory(std::unique_lock<std::mutex>& lock) {
  check_due = false;
  const std::uint64_t moves_before = moves;
  lock.unlock();
  malloc_trim(0);
  const std::uint64_t anonymous = options.measure();
  lock.lock();
  if (moves == moves_before && plan.is_quiet()) plan.measured(anonymous);
  observe();
  apply(plan.tick(clock.steady()));
}

void CacheShell::check_devices(std::unique_lock<std::mutex>& lock) {
  devices_due = false;
  lock.unlock();
  const std::vector<Device> devices = see_devices();
  lock.lock();
  observe();
  apply(plan.see_devices(devices, clock.steady()));
  work.notify_one();
}

void CacheShell::keep_learned(std::unique_lock<std::mutex>& lock) {
  learned_changed = false;
  if (options.ledger.empty()) return;
  const std::vector<Learned> learned = plan.learned();
  lock.unlock();
  if (const auto written = write_learned(options.ledger, learned); !written)
    log::warning("model sizes not kept", {{"error", written.error().message}});
  lock.lock();
}

void CacheShell::unload_models() {
  pthread_setname_np(pthread_self(), "ms-unload");
  std::unique_lock lock(mutex);
  while (!closing) {
    if (!leaving.empty())
      unload_next(lock);
    else if (learned_changed)
      keep_learned(lock);
    else if (check_due)
      check_memory(lock);
    else if (devices_due)
      check_devices(lock);
    else
      unloads.wait(lock);
  }
}

void CacheShell::keep_time() {
  pthread_setname_np(pthread_self(), "ms-cache");
  std::unique_lock lock(mutex);
  SteadyTime next_check = clock.steady() + options.check_interval;
  while (!closing) {
    join_ended(lock);
    const SteadyTime now = clock.steady();
    if (now >= next_check) {
      next_check = now + options.check_interval;
      check_due = true;
      unloads.notify_one();
    }
    observe();
    apply(plan.tick(now));
    if (!ended.empty() || closing) continue;
    SteadyTime next = std::min(plan.next_due(now).value_or(next_check), next_check);
    if (plan.waits_for_device()) next = std::min(next, now + kDeviceLook);
    if (work.wait_for(lock, next - now) != std::cv_status::timeout || !plan.waits_for_device()) continue;
    devices_due = true;
    unloads.notify_one();
  }
}

void CacheShell::join_ended(std::unique_lock<std::mutex>& lock) {
  std::vector<std::thread> threads = std::exchange(ended, {});
  lock.unlock();
  for (std::thread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
  lock.lock();
}

void CacheShell::tell(const CacheEvent& event) const {
  if (options.on_event) options.on_event(event);
}

}  // namespace medsynth::models
