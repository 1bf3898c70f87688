#include "medsynth/models/shell.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <system_error>

#include <fmt/format.h>

namespace medsynth::models {
namespace {

constexpr std::chrono::milliseconds kShortestCheck{10};

CacheOptions checked(CacheOptions options) {
  options.check_interval = std::max(options.check_interval, kShortestCheck);
  if (!options.measure) options.measure = anonymous_bytes;
  return options;
}

SteadyTime last_use(const Seat& seat) {
  return SteadyTime{SteadyTime::duration{seat.last_use.load(std::memory_order_relaxed)}};
}

void set_last_use(Seat& seat) {
  seat.last_use.store(seat.clock->coarse_steady().time_since_epoch().count(), std::memory_order_relaxed);
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
