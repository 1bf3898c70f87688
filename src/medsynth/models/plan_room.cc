// What follows from an event: who gets room, and who leaves for it.
#include <algorithm>

#include <fmt/format.h>

#include "medsynth/models/plan.h"

namespace medsynth::models {
namespace {

// A century: times further away do not fit into a steady_clock's nanoseconds.
constexpr std::chrono::hours kLongestTtl{24 * 365 * 100};
// A model stays at least as long as it took to load, so that two that push each other out spend at most half
// of the time loading. Loads below the first are too cheap to mind, and nobody waits longer than the second.
constexpr double kCheapLoad = 0.1, kLongestStay = 30;
// Half of what a signed number holds, so that sums do not overflow.
constexpr std::int64_t kUnlimited = std::int64_t{1} << 61;
// Models whose rates are remembered.
constexpr std::size_t kMostRemembered = 1000;

// Both have bytes on one of them.
bool shares_device(const std::vector<std::uint64_t>& some, const std::vector<std::uint64_t>& others) {
  for (std::size_t i = 0; i < std::min(some.size(), others.size()); ++i)
    if (some[i] > 0 && others[i] > 0) return true;
  return false;
}

}  // namespace

std::int64_t Plan::number(std::uint64_t bytes) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, kUnlimited));
}

void Plan::advance(Effects& effects, SteadyTime now) {
  if (!claim_.empty()) return;  // its answer comes first
  if (!expire(effects, now)) pump(effects, now);
}

// Claims one that is past its time; true when it did. One that is in use is heard of when it no longer is.
bool Plan::expire(Effects& effects, SteadyTime now) {
  for (auto& [id, entry] : entries_) {
    const auto ttl = ttl_of(entry);
    if (entry.state != State::ready || entry.watched || ttl.count() < 0 || now - entry.idle_since < ttl)
      continue;
    if (entry.users == 0) return claim({id}, UnloadReason::expired, effects), true;
    entry.watched = true;
    effects.push_back(Watch{id});
  }
  return false;
}

// Gives room to those who wait for it, in their order. Only the first that finds none has others evicted for
// it; those behind it may pass for a while, into room that it cannot use.
void Plan::pump(Effects& effects, SteadyTime now) {
  take_back_promises();
  start_promised(effects);
  if (repay(effects, now)) return;
  bool blocked = false;
  // Of GPUs: what is kept for one that has waited its time. It holds up only those that want the same ones,
  // as others' programs may use a GPU for hours.
  std::vector<std::uint64_t> kept;
  for (const std::string& id : std::deque<std::string>(queue_)) {
    const auto found = entries_.find(id);
    Entry& entry = found->second;
    if (never_fits(entry)) {
      refuse(found, does_not_fit(id, entry), effects);
      continue;
    }
    const Room room = promisable();
    if (shares_device(entry.metadata.device_bytes, kept)) continue;
    if (!entry.memory_error && room.holds(entry)) {
      entry.state = State::reserved;
      std::erase(queue_, id);
      promised_.push_back(id);
      continue;
    }
    if (blocked) continue;
    if (make_room(entry, effects, now)) break;
    if (entry.memory_error) {
      refuse(found, fail(id, Error(*entry.memory_error), now), effects);
      continue;
    }
    blocked = true;
    watch_busy(effects);
    if (now - entry.queued_at < options_.passing) continue;
    if (room.places < 1 || room.bytes < number(entry.peak)) break;
    kept = entry.metadata.device_bytes;
  }
  start_promised(effects);
}

// More is in memory than there may be: models turned out larger, memory leaked, the budget fell.
bool Plan::repay(Effects& effects, SteadyTime now) {
  const Room room = promisable();
  if (!room.is_overdrawn()) return false;
  auto victims = choose(std::max<std::int64_t>(0, -room.bytes), std::max<std::int64_t>(0, -room.places),
                        room.overdraft(), now);
  if (!victims) victims = idle_models(now);
  if (victims->empty()) return watch_busy(effects), false;
  return claim(std::move(*victims), UnloadReason::over_budget, effects), true;
}

// All or nothing: claims victims that leave enough room, or none.
bool Plan::make_room(Entry& entry, Effects& effects, SteadyTime now) {
  const Room room = promisable();
  std::int64_t bytes = std::max<std::int64_t>(0, number(entry.peak) - room.bytes);
  std::int64_t places = std::max<std::int64_t>(0, 1 - room.places);
  const std::vector<std::uint64_t> device_bytes = room.missing_for(entry);
  if (entry.memory_error) {  // how much was missing is not known: at most all of it
    bytes = std::max(bytes, number(entry.peak));
    places = std::max<std::int64_t>(1, places);
  }
  auto victims = choose(bytes, places, device_bytes, now);
  if (!victims || victims->empty()) return false;
  claim(std::move(*victims), entry.memory_error ? UnloadReason::no_memory : UnloadReason::evicted, effects);
  return true;
}

void Plan::start_promised(Effects& effects) {
  for (const std::string& id : std::deque<std::string>(promised_)) {
    Entry& entry = entries_.at(id);
    const Room room = startable();
    if (is_unloading(id) || !room.holds(entry)) continue;
    if (entry.tried_again && !leaving_.empty()) continue;  // the memory it lacked is on its way
    entry.state = State::loading;
    std::erase(promised_, id);
    effects.push_back(StartLoad{id, entry.waiters.front()});
  }
}

// What leaked, or a smaller budget, may have made promises that cannot be kept.
void Plan::take_back_promises() {
  while (!promised_.empty() && promisable().is_overdrawn()) {
    const std::string id = promised_.back();
    promised_.pop_back();
    entries_.at(id).state = State::queued;
    queue_.push_front(id);
  }
}

void Plan::watch_busy(Effects& effects) {
  for (auto& [id, entry] : entries_) {
    if (entry.state != State::ready || entry.watched || entry.users == 0 || entry.metadata.pinned) continue;
    entry.watched = true;
    effects.push_back(Watch{id});
  }
}

void Plan::claim(std::vector<std::string> ids, UnloadReason reason, Effects& effects) {
  claim_ = ids;
  claim_reason_ = reason;
  effects.push_back(Claim{std::move(ids)});
}

void Plan::unload(Entries::iterator entry, UnloadReason reason, Effects& effects, SteadyTime) {
  if (reason == UnloadReason::evicted || reason == UnloadReason::no_memory ||
      reason == UnloadReason::over_budget)
    ++evictions_;
  if (reason == UnloadReason::expired) ++expirations_;
  const Entry& leaving = entry->second;
  leaving_.push_back(
      {entry->first, leaving.bytes, leaving.anonymous, leaving.metadata.options, leaving.device_bytes()});
  effects.push_back(Unload{entry->first, reason, leaving.anonymous.value_or(0)});
  entries_.erase(entry);
}

// Who asked for a model while it left gets a new one.
void Plan::queue_again(const std::string& id, Entry waiting, SteadyTime now) {
  if (waiting.waiters.empty()) return;
  waiting.queued_at = now;
  predict(id, waiting);
  entries_[id] = std::move(waiting);
  queue_.push_back(id);
}

void Plan::make_ready(const std::string& id, Entry& entry, SteadyTime now) {
  entry.state = State::ready;
  entry.users = 0;
  entry.watched = false;
  entry.loaded_at = entry.idle_since = now;
  past(id);
}

// --- room

std::int64_t Plan::capacity() const {
  if (options_.max_bytes == 0) return kUnlimited;
  return std::max<std::int64_t>(0, number(options_.max_bytes) - number(leaked_));
}

std::int64_t Plan::device_capacity(std::size_t device) const {
  const double allowed =
      static_cast<double>(devices_[device].memory_total) * options_.max_device_percent / 100;
  return std::max<std::int64_t>(0, static_cast<std::int64_t>(allowed) - number(foreign_[device]));
}

// Whoever leaves. What others have on a GPU may come back: that is waited for.
bool Plan::never_fits(const Entry& entry) const {
  if (number(entry.peak) > capacity()) return true;
  for (std::size_t i = 0; i < std::min(devices_.size(), entry.metadata.device_bytes.size()); ++i) {
    if (number(entry.metadata.device_bytes[i]) > device_capacity(i) + number(foreign_[i])) return true;
  }
  return false;
}

void Plan::Room::take(std::int64_t of_places, std::uint64_t of_bytes,
                      const std::vector<std::uint64_t>& of_devices) {
  places -= of_places;
  bytes -= number(of_bytes);
  for (std::size_t i = 0; i < std::min(devices.size(), of_devices.size()); ++i)
    devices[i] -= number(of_devices[i]);
}

bool Plan::Room::is_overdrawn() const {
  return places < 0 || bytes < 0 || std::ranges::any_of(devices, [](auto each) { return each < 0; });
}

bool Plan::Room::holds(const Entry& entry) const {
  const std::vector<std::uint64_t> missing = missing_for(entry);
  return places >= 1 && bytes >= number(entry.peak) &&
         std::ranges::all_of(missing, [](auto each) { return each == 0; });
}

std::vector<std::uint64_t> Plan::Room::missing_for(const Entry& entry) const {
  std::vector<std::uint64_t> missing(devices.size());
  const std::vector<std::uint64_t>& wanted = entry.metadata.device_bytes;
  for (std::size_t i = 0; i < std::min(devices.size(), wanted.size()); ++i)
    if (wanted[i] > 0)
      missing[i] = static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(wanted[i]) - devices[i]));
  return missing;
}

std::vector<std::uint64_t> Plan::Room::overdraft() const {
  std::vector<std::uint64_t> missing;
  for (const std::int64_t each : devices)
    missing.push_back(static_cast<std::uint64_t>(std::max<std::int64_t>(0, -each)));
  return missing;
}

Plan::Room Plan::promisable() const {
  Room room{options_.max_models, capacity(), {}};
  for (std::size_t i = 0; i < devices_.size(); ++i) room.devices.push_back(device_capacity(i));
  for (const auto& [id, entry] : entries_) {
    if (entry.state == State::queued) continue;
    const bool here = entry.state == State::ready || entry.state == State::draining;
    room.take(1, here ? entry.bytes : entry.peak, entry.device_bytes());
  }
  return room;
}

Plan::Room Plan::startable() const {
  Room room = promisable();
  for (const std::string& id : promised_) {
    const Entry& entry = entries_.at(id);
    ++room.places;
    room.bytes += number(entry.peak);
    for (std::size_t i = 0; i < std::min(room.devices.size(), entry.metadata.device_bytes.size()); ++i)
      room.devices[i] += number(entry.metadata.device_bytes[i]);
  }
  for (const Leaving& each : leaving_) room.take(1, each.bytes, each.device_bytes);
  return room;
}

bool Plan::may_leave(const std::string& id, const Entry& entry, SteadyTime now) const {
  return entry.state == State::ready && entry.users == 0 && !entry.metadata.pinned && !is_claimed(id) &&
         now >= stays_until(entry);
}

std::vector<std::string> Plan::idle_models(SteadyTime now) const {
  std::vector<std::string> ids;
  for (const auto& [id, entry] : entries_) {
    if (may_leave(id, entry, now)) ids.push_back(id);
  }
  return ids;
}

std::optional<std::vector<std::string>> Plan::choose(std::int64_t bytes, std::int64_t places,
                                                     const std::vector<std::uint64_t>& device_bytes,
                                                     SteadyTime now) const {
  const std::vector<std::string> ids = idle_models(now);
  std::vector<Candidate> candidates;
  for (const std::string& id : ids) {
    const Entry& entry = entries_.at(id);
    const auto history = past_.find(id);
    const double rate =
        history == past_.end() || options_.history.count() == 0 ? 0 : history->second.rate.per_second(now);
    // A load that took no time to speak of is not free of charge: rates still tell.
    candidates.push_back(
        {entry.bytes, rate * std::max(entry.load_seconds, 1e-3), entry.idle_since, entry.device_bytes()});
  }
  const auto chosen = choose_victims(candidates, static_cast<std::uint64_t>(bytes), places, device_bytes);
  if (!chosen) return std::nullopt;
  std::vector<std::string> victims;
  for (const std::size_t i : *chosen) victims.push_back(ids[i]);
  return victims;
}

std::chrono::milliseconds Plan::ttl_of(const Entry& entry) const {
  const auto ttl = entry.keep_alive.value_or(entry.metadata.ttl.value_or(options_.ttl));
  return std::min<std::chrono::milliseconds>(ttl, kLongestTtl);
}

SteadyTime Plan::stays_until(const Entry& entry) const {
  if (entry.load_seconds < kCheapLoad) return entry.loaded_at;
  return entry.loaded_at + std::chrono::duration_cast<SteadyTime::duration>(
                               std::chrono::duration<double>(std::min(entry.load_seconds, kLongestStay)));
}

void Plan::predict(const std::string& id, Entry& entry) const {
  const Metadata& known = entry.metadata;
  const auto found = learned_.find({id, known.options});
  const bool measured = found != learned_.end();
  const std::uint64_t guess = std::max(known.memory_bytes, known.mapped_bytes) - known.mapped_bytes;
  entry.predicted = known.mapped_bytes + (measured ? found->second.anonymous_bytes : guess);
  entry.peak =
      std::max(entry.predicted, measured ? known.mapped_bytes + found->second.peak_bytes : known.peak_bytes);
  entry.bytes = entry.predicted;
}

Plan::Past& Plan::past(const std::string& id) {
  if (past_.size() >= kMostRemembered && !past_.contains(id)) {
    const auto gone = std::find_if(past_.begin(), past_.end(),
                                   [&](const auto& each) { return !entries_.contains(each.first); });
    if (gone != past_.end()) past_.erase(gone);
  }
  return past_.try_emplace(id, Past{.rate = Rate(options_.history)}).first->second;
}

Error Plan::does_not_fit(const std::string& id, const Entry& entry) const {
  for (std::size_t i = 0; i < std::min(devices_.size(), entry.metadata.device_bytes.size()); ++i) {
    const std::int64_t most = device_capacity(i) + number(foreign_[i]);
    if (number(entry.metadata.device_bytes[i]) <= most) continue;
    return {Code::exhausted,
            fmt::format("{} needs {} on GPU {}, and {} is all that may be used there: raise "
                        "max_gpu_percent, or use a smaller model or context",
                        id, gigabytes(entry.metadata.device_bytes[i]), i,
                        gigabytes(static_cast<std::uint64_t>(most))),
            "does_not_fit"};
  }
  return {Code::exhausted,
          fmt::format("{} needs {} MB while it loads, and the model cache may take {} MB: raise "
                      "MEDSYNTH_MODEL_CACHE_MEMORY, or use a smaller model or context",
                      id, entry.peak >> 20, capacity() >> 20),
          "does_not_fit"};
}

}  // namespace medsynth::models
