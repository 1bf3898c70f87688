#include "medsynth/models/shell.h"

#include <malloc.h>
#include <pthread.h>

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/log.h"

namespace medsynth::models {
namespace {

constexpr std::chrono::milliseconds kShortestCheck{10};
// Progress is passed on in steps of this size.
constexpr double kProgressStep = 0.01;
// Memory that has not come back after this time, looked at so often, counts as leaked.
constexpr std::chrono::milliseconds kReturnTime{150};
constexpr std::chrono::milliseconds kReturnLook{10};
constexpr double kReturned = 0.95;

CacheOptions checked(CacheOptions options) {
  options.check_interval = std::max(options.check_interval, kShortestCheck);
  if (!options.measure) options.measure = anonymous_bytes;
  return options;
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

SteadyTime last_use(const Seat& seat) {
  return SteadyTime{SteadyTime::duration{seat.last_use.load(std::memory_order_relaxed)}};
}

void set_last_use(Seat& seat) {
  seat.last_use.store(seat.clock->steady().time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace

// --- uses

Handle::Handle(Seat& seat) : seat_(&seat), model_(seat.loaded) {}
Handle::Handle(Handle&& other) noexcept
    : seat_(std::exchange(other.seat_, nullptr)),
      model_(std::exchange(other.model_, nullptr)),
      keep_alive_(std::exchange(other.keep_alive_, std::nullopt)) {}
Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    release();
    seat_ = std::exchange(other.seat_, nullptr);
    model_ = std::exchange(other.model_, nullptr);
    keep_alive_ = std::exchange(other.keep_alive_, std::nullopt);
  }
  return *this;
}

void Handle::release() {
  Seat* const seat = std::exchange(seat_, nullptr);
  if (!seat) return;
  model_ = nullptr;
  if (!keep_alive_) {
    set_last_use(*seat);
    if (seat->gate.let_go()) return;
  }
  // The seat, and with it the cache, stays until this use has ended.
  seat->owner->end_use(*seat, std::exchange(keep_alive_, std::nullopt));
}

void CacheShell::end_use(Seat& seat, std::optional<std::chrono::milliseconds> keep_alive) {
  std::shared_ptr<CacheShell> remains;
  std::unique_lock lock(mutex);
  set_last_use(seat);
  const std::string id = seat.id;
  if (keep_alive) plan.keep(id, *keep_alive);
  const std::int64_t users = seat.gate.end();
  if (users == 0) remains = std::move(seat.keep);
  observe();
  apply(users == 0 ? heard(id, users) : plan.tick(clock.steady()));
  work.notify_one();
  while (closing && !leaving.empty()) unload_next(lock);
  lock.unlock();
}

Handle CacheShell::find(const std::string& id) const {
  Handle found;
  const std::size_t hash = std::hash<std::string>{}(id);
  directory.find(hash, [&](Seat& seat) {
    if (!seat.gate.take()) return false;
    Handle taken(seat);
    if (seat.id != id) return false;  // it has another model by now, or only the same hash
    found = std::move(taken);
    return true;
  });
  return found;
}

Handle CacheShell::find_locked(const std::string& id) {
  const auto found = seats.find(id);
  return found != seats.end() && found->second->gate.take() ? Handle(*found->second) : Handle();
}

// --- effects

CacheShell::CacheShell(CacheOptions options_, const Clock& clock_)
    : options(checked(std::move(options_))),
      clock(clock_),
      plan(options, options.ledger.empty() ? std::vector<Learned>() : read_learned(options.ledger)) {}

void CacheShell::observe() {
  const SteadyTime now = clock.steady();
  for (const auto& [id, seat] : seats)
    plan.observe(id, {seat->gate.users(), last_use(*seat), seat->gate.take_hits()}, now);
}

void CacheShell::apply(Effects effects) {
  for (std::size_t i = 0; i < effects.size(); ++i) {
    Effects more = std::visit([this](auto& each) { return carry_out(each); }, effects[i]);
    effects.insert(effects.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
}

Effects CacheShell::carry_out(Grant& grant) {
  Seat& seat = *seats.at(grant.id);
  seat.gate.admit();
  Waiter& waiter = *waiters.at(grant.ticket);
  waiter.answer.emplace(Handle(seat));
  waiter.changed.notify_one();
  return {};
}

Effects CacheShell::carry_out(Refuse& refuse) {
  Waiter& waiter = *waiters.at(refuse.ticket);
  waiter.answer.emplace(std::move(refuse.error));
  waiter.changed.notify_one();
  return {};
}

Effects CacheShell::carry_out(StartLoad& start) try {
  Load& load = loads[start.id];
  if (closing) load.stop.request_stop();
  load.moves = ++moves;
  load.alone = loads.size() == 1 && unloading == 0 && leaving.empty();
  load.thread = std::thread(
      [this, id = start.id, loader = waiters.at(start.ticket)->load, stop = load.stop.get_token()] {
        pthread_setname_np(pthread_self(), "ms-load");
        load_in_thread(id, loader, stop);
      });
  return {};
} catch (const std::system_error& error) {
  loads.erase(start.id);
  const Error no_thread{Code::exhausted, fmt::format("no thread to load {}: {}", start.id, error.what()), ""};
  return plan.load_failed(start.id, no_thread, clock.steady());
}

Effects CacheShell::carry_out(StopLoad& stop) {
  loads.at(stop.id).stop.request_stop();
  return {};
}

// Closes the gates of all, or of none; gives those that are in use.
std::vector<std::string> CacheShell::close_all(const std::vector<std::string>& ids) {
  std::vector<std::string> busy;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (seats.at(ids[i])->gate.close_if_idle()) continue;
    busy.push_back(ids[i]);
    for (std::size_t closed = 0; closed < i; ++closed) seats.at(ids[closed])->gate.reopen();
    break;
  }
  return busy;
}

Effects CacheShell::carry_out(Claim& claim) {
  const std::vector<std::string> busy = close_all(claim.ids);
  if (busy.empty()) return plan.claimed(clock.steady());
  Effects effects = plan.rescued(busy, clock.steady());
  for (const std::string& id : busy) {
    Effects more = heard(id, seats.at(id)->gate.watch());
    effects.insert(effects.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return effects;
}

Effects CacheShell::carry_out(Watch& watch) {
  return heard(watch.id, seats.at(watch.id)->gate.watch());
}

Effects CacheShell::carry_out(Close& close) {
  return heard(close.id, seats.at(close.id)->gate.close());
}

// A watched model has so many users: with none, the plan is told.
Effects CacheShell::heard(const std::string& id, std::int64_t users) {
  if (users > 0) return {};
  seats.at(id)->gate.unwatch();
  return plan.idle(id, clock.steady());
}

Effects CacheShell::carry_out(Unload& unload) {
  Seat& seat = *seats.extract(unload.id).mapped();
  directory.remove(seat);
  leaving.push_back({unload.id, unload.reason, unload.expected, seat.loaded_at, std::move(seat.model)});
  seat.loaded = nullptr;
  free_seats.push_back(&seat);
  unloads.notify_one();
  return {};
}

void CacheShell::seat(const std::string& id, std::shared_ptr<Loaded> model) {
  if (free_seats.empty()) {
    all_seats.push_back(std::make_unique<Seat>());
    all_seats.back()->clock = &clock;
    all_seats.back()->owner = this;
    free_seats.push_back(all_seats.back().get());
  }
  Seat& seat = *free_seats.back();
  free_seats.pop_back();
  seat.id = id;
  seat.hash.store(std::hash<std::string>{}(id), std::memory_order_relaxed);
  seat.loaded = model.get();
  seat.model = std::move(model);
  seat.loaded_at = clock.steady();
  set_last_use(seat);
  seat.gate.open();
  seats[id] = &seat;
  directory.enter(seat);
}

// --- loads

void CacheShell::load_in_thread(const std::string& id, const Loader& load, const std::stop_token& stop) {
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
  finish(id, std::move(loaded), {.seconds = seconds}, before, after);
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
  lock.lock();
  --unloading;
  const bool told_apart = alone && moves == moves_before && before > 0;
  ++moves;
  learned_changed = learned_changed || told_apart;
  observe();
  apply(plan.unloaded(next.id, told_apart ? std::optional(returned) : std::nullopt, clock.steady()));
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
    work.wait_for(lock, std::min(plan.next_due(now).value_or(next_check), next_check) - now);
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

void CacheShell::start() {
  timekeeper = std::thread([this] { keep_time(); });
  unloader = std::thread([this] { unload_models(); });
}

void CacheShell::close() {
  std::unique_lock lock(mutex);
  closing = true;
  work.notify_one();
  unloads.notify_one();
  for (auto& [id, load] : loads) load.stop.request_stop();
  lock.unlock();
  timekeeper.join();
  unloader.join();
  lock.lock();
  while (!loads.empty() || !ended.empty()) {
    for (auto& [id, load] : loads) {
      if (load.thread.joinable()) ended.push_back(std::move(load.thread));
    }
    join_ended(lock);
  }
  for (const std::string& id : plan.ids()) apply(plan.remove(id, clock.steady()).second);
  for (const auto& [id, seat] : seats) seat->keep = shared_from_this();
  while (!leaving.empty()) unload_next(lock);
  if (learned_changed) keep_learned(lock);
}

}  // namespace medsynth::models
