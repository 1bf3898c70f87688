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
  for (const std::string& id : std::deque<std::string>(queue_)) {
    const auto found = entries_.find(id);
    Entry& entry = found->second;
    if (number(entry.peak) > capacity()) {
      refuse(found, does_not_fit(id, entry), effects);
      continue;
    }
    const Room room = promisable();
    if (!entry.memory_error && room.places >= 1 && room.bytes >= number(entry.peak)) {
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
    if (now - entry.queued_at >= options_.passing) break;
  }
  start_promised(effects);
}

// More is in memory than there may be: models turned out larger, memory leaked, the budget fell.
bool Plan::repay(Effects& effects, SteadyTime now) {
  const Room room = promisable();
  if (room.places >= 0 && room.bytes >= 0) return false;
  auto victims = choose(std::max<std::int64_t>(0, -room.bytes), std::max<std::int64_t>(0, -room.places), now);
  if (!victims) victims = idle_models(now);
  if (victims->empty()) return watch_busy(effects), false;
  return claim(std::move(*victims), UnloadReason::over_budget, effects), true;
}

// All or nothing: claims victims that leave enough room, or none.
bool Plan::make_room(Entry& entry, Effects& effects, SteadyTime now) {
  const Room room = promisable();
  std::int64_t bytes = std::max<std::int64_t>(0, number(entry.peak) - room.bytes);
  std::int64_t places = std::max<std::int64_t>(0, 1 - room.places);
  if (entry.memory_error) {  // how much was missing is not known: at most all of it
    bytes = std::max(bytes, number(entry.peak));
    places = std::max<std::int64_t>(1, places);
  }
  auto victims = choose(bytes, places, now);
  if (!victims || victims->empty()) return false;
  claim(std::move(*victims), entry.memory_error ? UnloadReason::no_memory : UnloadReason::evicted, effects);
  return true;
}

void Plan::start_promised(Effects& effects) {
  for (const std::string& id : std::deque<std::string>(promised_)) {
    Entry& entry = entries_.at(id);
    const Room room = startable();
    if (is_unloading(id) || room.places < 1 || room.bytes < number(entry.peak)) continue;
    if (entry.tried_again && !leaving_.empty()) continue;  // the memory it lacked is on its way
    entry.state = State::loading;
    std::erase(promised_, id);
    effects.push_back(StartLoad{id, entry.waiters.front()});
  }
}

// What leaked, or a smaller budget, may have made promises that cannot be kept.
void Plan::take_back_promises() {
  for (Room room = promisable(); !promised_.empty() && (room.places < 0 || room.bytes < 0);
       room = promisable()) {
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
  leaving_.push_back({entry->first, leaving.bytes, leaving.anonymous, leaving.metadata.options});
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

Plan::Room Plan::promisable() const {
  Room room{options_.max_models, capacity()};
  for (const auto& [id, entry] : entries_) {
    if (entry.state == State::queued) continue;
    const bool here = entry.state == State::ready || entry.state == State::draining;
    --room.places;
    room.bytes -= number(here ? entry.bytes : entry.peak);
  }
  return room;
}

Plan::Room Plan::startable() const {
  Room room = promisable();
  for (const std::string& id : promised_) {
    ++room.places;
    room.bytes += number(entries_.at(id).peak);
  }
  for (const Leaving& each : leaving_) {
    --room.places;
    room.bytes -= number(each.bytes);
  }
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
                                                     SteadyTime now) const {
  const std::vector<std::string> ids = idle_models(now);
  std::vector<Candidate> candidates;
  for (const std::string& id : ids) {
    const Entry& entry = entries_.at(id);
    const auto history = past_.find(id);
    const double rate =
        history == past_.end() || options_.history.count() == 0 ? 0 : history->second.rate.per_second(now);
    // A load that took no time to speak of is not free of charge: rates still tell.
    candidates.push_back({entry.bytes, rate * std::max(entry.load_seconds, 1e-3), entry.idle_since});
  }
  const auto chosen = choose_victims(candidates, static_cast<std::uint64_t>(bytes), places);
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
  return {Code::exhausted,
          fmt::format("{} needs {} MB while it loads, and the model cache may take {} MB: raise "
                      "MEDSYNTH_MODEL_CACHE_MEMORY, or use a smaller model or context",
                      id, entry.peak >> 20, capacity() >> 20),
          "does_not_fit"};
}

}  // namespace medsynth::models
