#include "medsynth/models/plan.h"

#include <algorithm>

#include <fmt/format.h>

namespace medsynth::models {
namespace {

// A century: times further away do not fit into a steady_clock's nanoseconds.
constexpr std::chrono::hours kLongestTtl{24 * 365 * 100};
constexpr std::chrono::seconds kFirstBackoff{1};
constexpr std::chrono::seconds kLongestBackoff{60};
// A failure is forgotten this long after its last backoff: the model counts as new.
constexpr std::chrono::minutes kFailureMemory{10};

}  // namespace

std::chrono::seconds backoff(std::int64_t failures) {
  const std::int64_t doublings = std::clamp<std::int64_t>(failures - 1, 0, 16);
  return std::min(kFirstBackoff * (std::int64_t{1} << doublings), kLongestBackoff);
}

Plan::Plan(CacheOptions options) : options_(options) {
  options_.max_models = std::max<std::int64_t>(1, options_.max_models);
  options_.ttl = std::min<std::chrono::milliseconds>(options_.ttl, kLongestTtl);
}

Effects Plan::request(Ticket ticket, const std::string& id, const Metadata& metadata, Now now) {
  if (use(id, now)) return {Grant{ticket, id}};
  const auto failure = failures_.find(id);
  if (failure != failures_.end() && now.steady < failure->second.retry_at) {
    Error error = failure->second.cause;
    error.retry_after = std::chrono::ceil<std::chrono::seconds>(failure->second.retry_at - now.steady);
    return {Refuse{ticket, std::move(error)}};
  }
  Effects effects;
  auto [entry, fresh] = entries_.try_emplace(id);
  entry->second.waiters.push_back(ticket);
  if (!fresh) return ++coalesced_, effects;
  ++misses_;
  entry->second.metadata = metadata;
  queue_.push_back(id);
  pump(effects);
  return effects;
}

bool Plan::use(const std::string& id, Now now) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end() || entry->second.state != State::ready) return false;
  ++hits_;
  ++entry->second.hits;
  ++entry->second.users;
  entry->second.last_used = now.wall;
  return true;
}

Plan::Left Plan::leave(Ticket ticket, const std::string& id) {
  Left left;
  const auto found = entries_.find(id);
  if (found == entries_.end()) return left;
  Entry& entry = found->second;
  left.for_place = entry.state == State::queued || entry.state == State::draining;
  std::erase(entry.waiters, ticket);
  if (!entry.waiters.empty()) return left;
  if (entry.state == State::queued) {
    std::erase(queue_, id);
    entries_.erase(found);
    pump(left.effects);  // who stood behind it may have found a place that was kept for it
  } else if (entry.state == State::loading && !entry.abandoned) {
    entry.abandoned = true;
    left.effects.push_back(StopLoad{id});
  }
  return left;
}

Effects Plan::release(const std::string& id, Now now) {
  Effects effects;
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.users == 0) return effects;
  Entry& entry = found->second;
  entry.last_used = now.wall;
  if (--entry.users > 0) return effects;
  entry.idle_since = now.steady;
  entry.last_use = ++uses_ended_;
  if (entry.state == State::draining) end_draining(found, effects);
  pump(effects);
  return effects;
}

void Plan::become_ready(Entry& entry, double seconds, Now now) {
  entry.state = State::ready;
  entry.load_seconds = seconds;
  entry.loaded_at = entry.last_used = now.wall;
  entry.idle_since = now.steady;
  entry.last_use = ++uses_ended_;
}

Effects Plan::loaded(const std::string& id, double seconds, Now now) {
  Effects effects;
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.state != State::loading) return effects;
  Entry& entry = found->second;
  failures_.erase(id);
  ++loads_[id];
  become_ready(entry, seconds, now);
  for (const Ticket ticket : std::exchange(entry.waiters, {})) {
    ++entry.users;
    effects.push_back(Grant{ticket, id});
  }
  if (entry.leave_after_use && entry.users > 0)
    entry.state = State::draining;
  else if (entry.leave_after_use)
    unload(found, UnloadReason::removed, effects);
  pump(effects);
  return effects;
}

Effects Plan::load_failed(const std::string& id, const Error& cause, Now now) {
  Effects effects;
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.state != State::loading) return effects;
  Entry& entry = found->second;
  if (entry.abandoned && !entry.waiters.empty()) {
    // Somebody came after the load had been told to stop: it is loaded again, for them.
    entry.abandoned = false;
    entry.state = State::queued;
    queue_.push_front(id);
    pump(effects);
    return effects;
  }
  Error error = cause;
  if (cause.code != Code::cancelled) {
    ++load_failures_;
    Failure& failure = failures_[id];
    failure.cause = cause;
    const auto pause = backoff(++failure.count);
    failure.retry_at = now.steady + pause;
    error.retry_after = pause;
  }
  for (const Ticket ticket : entry.waiters) effects.push_back(Refuse{ticket, error});
  entries_.erase(found);
  pump(effects);
  return effects;
}

Effects Plan::unloaded(const std::string& id) {
  Effects effects;
  if (const auto found = unloading_.find(id); found != unloading_.end() && --found->second == 0)
    unloading_.erase(found);
  pump(effects);
  return effects;
}

Result<Effects> Plan::put(const std::string& id, const Metadata& metadata, Now now) {
  Effects effects;
  auto found = entries_.find(id);
  if (found != entries_.end() && !found->second.idle())
    return Error{Code::conflict, fmt::format("{} is loading or in use: remove it first, or wait", id),
                 "model_in_use"};
  if (found != entries_.end()) unload(found, UnloadReason::replaced, effects);
  // It is in memory already, so it takes its place at once; who must go for it, goes meanwhile.
  std::int64_t staying = places_taken();
  for (const auto& [other, count] : unloading_) staying -= count;
  if (staying >= options_.max_models) {
    const auto victim = find_victim();
    if (victim == entries_.end())
      return Error{Code::exhausted,
                   fmt::format("no place for {}: all {} models are in use", id, options_.max_models),
                   "cache_full"};
    unload(victim, UnloadReason::evicted, effects);
  }
  Entry& entry = entries_[id];
  entry.metadata = metadata;
  become_ready(entry, 0, now);
  return effects;
}

std::pair<Removal, Effects> Plan::remove(const std::string& id) {
  Effects effects;
  failures_.erase(id);  // who removes a model wants the next request to try it
  const auto found = entries_.find(id);
  if (found == entries_.end()) return {is_unloading(id) ? Removal::removed : Removal::absent, effects};
  Entry& entry = found->second;
  switch (entry.state) {
    case State::queued:
      return {Removal::absent, effects};
    case State::loading:
      entry.leave_after_use = true;
      return {Removal::draining, effects};
    case State::draining:
      return {Removal::draining, effects};
    case State::ready:
      break;
  }
  if (entry.users > 0) {
    entry.state = State::draining;
    return {Removal::draining, effects};
  }
  unload(found, UnloadReason::removed, effects);
  return {Removal::removed, effects};
}

Effects Plan::expire(Now now) {
  Effects effects;
  for (auto each = entries_.begin(); each != entries_.end();) {
    const auto entry = each++;
    if (!entry->second.idle() || now.steady - entry->second.idle_since < options_.ttl) continue;
    unload(entry, UnloadReason::expired, effects);
  }
  std::erase_if(failures_,
                [&](const auto& each) { return now.steady - each.second.retry_at > kFailureMemory; });
  return effects;
}

std::optional<SteadyTime> Plan::next_due() const {
  std::optional<SteadyTime> due;
  for (const auto& [id, entry] : entries_) {
    if (entry.idle() && (!due || entry.idle_since + options_.ttl < *due))
      due = entry.idle_since + options_.ttl;
  }
  return due;
}

std::int64_t Plan::places_taken() const {
  std::int64_t taken = 0;
  for (const auto& [id, entry] : entries_) taken += entry.state != State::queued;
  for (const auto& [id, count] : unloading_) taken += count;
  return taken;
}

// Gives places to those who wait for one, in their order; makes room by evicting, one victim for each that
// waits.
void Plan::pump(Effects& effects) {
  std::int64_t free = options_.max_models - places_taken();
  std::int64_t coming = 0;
  for (const auto& [id, count] : unloading_) coming += count;
  for (const std::string& id : std::deque<std::string>(queue_)) {
    if (free > 0) {
      --free;  // kept for it also while its old self is still leaving
      if (!is_unloading(id)) start_load(id, effects);
    } else if (coming > 0) {
      --coming;
    } else if (const auto victim = find_victim(); victim != entries_.end()) {
      unload(victim, UnloadReason::evicted, effects);
    } else {
      return;
    }
  }
}

void Plan::start_load(const std::string& id, Effects& effects) {
  Entry& entry = entries_.at(id);
  entry.state = State::loading;
  std::erase(queue_, id);
  effects.push_back(StartLoad{id, entry.waiters.front()});
}

Plan::Entries::iterator Plan::find_victim() {
  auto victim = entries_.end();
  for (auto each = entries_.begin(); each != entries_.end(); ++each) {
    if (each->second.idle() && (victim == entries_.end() || each->second.last_use < victim->second.last_use))
      victim = each;
  }
  return victim;
}

void Plan::unload(Entries::iterator entry, UnloadReason reason, Effects& effects) {
  if (reason == UnloadReason::evicted) ++evictions_;
  if (reason == UnloadReason::expired) ++expirations_;
  ++unloading_[entry->first];
  effects.push_back(Unload{entry->first, reason});
  entries_.erase(entry);
}

// The last user of a removed model has let go. Who asked for it meanwhile gets a new one.
void Plan::end_draining(Entries::iterator entry, Effects& effects) {
  const std::string id = entry->first;
  const Metadata metadata = entry->second.metadata;
  std::deque<Ticket> waiters = std::move(entry->second.waiters);
  unload(entry, UnloadReason::removed, effects);
  if (waiters.empty()) return;
  entries_[id] = {.waiters = std::move(waiters), .metadata = metadata};
  queue_.push_back(id);
}

std::vector<std::string> Plan::ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, entry] : entries_) ids.push_back(id);
  return ids;
}

std::string Plan::state_of(const Entry& entry) const {
  switch (entry.state) {
    case State::queued:
      return "queued";
    case State::loading:
      return "loading";
    case State::draining:
      return "draining";
    case State::ready:
      break;
  }
  return entry.users > 0 ? "in_use" : "ready";
}

CacheStats Plan::stats(Now now) const {
  CacheStats stats{.max_size = options_.max_models,
                   .ttl = std::chrono::duration<double>(options_.ttl).count(),
                   .hits = hits_,
                   .misses = misses_,
                   .coalesced = coalesced_,
                   .evictions = evictions_,
                   .expirations = expirations_,
                   .load_failures = load_failures_};
  for (const auto& [id, entry] : entries_) {
    stats.size += entry.state != State::queued;
    const bool here = entry.state == State::ready || entry.state == State::draining;
    ModelStats model{.id = id,
                     .state = state_of(entry),
                     .users = entry.users,
                     .hits = entry.hits,
                     .load_seconds = entry.load_seconds,
                     .memory_bytes = entry.metadata.memory_bytes,
                     .metadata = entry.metadata.extra};
    if (here) model.loaded_at = rfc3339(entry.loaded_at);
    if (here) model.last_used = rfc3339(entry.last_used);
    if (entry.idle()) {
      const auto left =
          std::chrono::duration_cast<std::chrono::microseconds>(entry.idle_since + options_.ttl - now.steady);
      model.expires_at = rfc3339(now.wall + left);
    }
    const auto loads = loads_.find(id);
    model.loads = loads == loads_.end() ? 0 : loads->second;
    stats.models.push_back(std::move(model));
  }
  return stats;
}

}  // namespace medsynth::models
