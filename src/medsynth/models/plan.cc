// Events: what callers, uses, loads and time do to the plan.
#include "medsynth/models/plan.h"

#include <algorithm>

#include <fmt/format.h>

namespace medsynth::models {
namespace {

constexpr std::chrono::seconds kFirstBackoff{1};
constexpr std::chrono::seconds kLongestBackoff{60};
// A failure is forgotten this long after its last backoff: the model counts as new.
constexpr std::chrono::minutes kFailureMemory{10};
// Of what should come back, this may stay away: other threads allocate meanwhile.
constexpr double kReturned = 0.95;
constexpr std::uint64_t kNoise = std::uint64_t{16} << 20;

}  // namespace

std::chrono::seconds backoff(std::int64_t failures) {
  const std::int64_t doublings = std::clamp<std::int64_t>(failures - 1, 0, 16);
  return std::min(kFirstBackoff * (std::int64_t{1} << doublings), kLongestBackoff);
}

Plan::Plan(CacheOptions options, std::vector<Learned> learned) : options_(std::move(options)) {
  options_.max_models = std::max<std::int64_t>(1, options_.max_models);
  for (Learned& each : learned) {
    past(each.model).load_seconds = each.load_seconds;
    const auto key = std::pair(each.model, each.options);
    learned_[key] = std::move(each);
  }
}

// --- callers

Effects Plan::request(Ticket ticket, const std::string& id, const Metadata& metadata, SteadyTime now) {
  Effects effects;
  const auto failure = failures_.find(id);
  const auto found = entries_.find(id);
  if (found == entries_.end() && failure != failures_.end() && now < failure->second.retry_at) {
    Error error = failure->second.cause;
    error.retry_after = std::chrono::ceil<std::chrono::seconds>(failure->second.retry_at - now);
    return {Refuse{ticket, std::move(error)}};
  }
  past(id).rate.add(now);
  if (found != entries_.end() && found->second.state == State::ready && !is_claimed(id)) {
    ++hits_, ++found->second.hits, ++found->second.users;
    return {Grant{ticket, id}};
  }
  if (found != entries_.end()) {
    found->second.waiters.push_back(ticket);
    return ++coalesced_, effects;
  }
  ++misses_;
  Entry entry{.metadata = metadata, .queued_at = now};
  entry.waiters.push_back(ticket);
  predict(id, entry);
  if (never_fits(entry)) return {Refuse{ticket, does_not_fit(id, entry)}};
  entries_.emplace(id, std::move(entry));
  queue_.push_back(id);
  advance(effects, now);
  return effects;
}

Plan::Left Plan::leave(Ticket ticket, const std::string& id, SteadyTime now) {
  Left left;
  const auto found = entries_.find(id);
  if (found == entries_.end()) return left;
  Entry& entry = found->second;
  const bool waits_for_room = entry.state == State::queued || entry.state == State::reserved;
  left.for_place = waits_for_room || entry.state == State::draining;
  std::erase(entry.waiters, ticket);
  if (!entry.waiters.empty()) return left;
  if (waits_for_room) {
    std::erase(queue_, id);
    std::erase(promised_, id);
    entries_.erase(found);
    advance(left.effects, now);  // who stood behind it may have the room that was kept for it
  } else if (entry.state == State::loading && !entry.abandoned) {
    entry.abandoned = true;
    left.effects.push_back(StopLoad{id});
  }
  return left;
}

// --- uses

void Plan::observe(const std::string& id, const Use& use, SteadyTime now) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (entry.state != State::ready && entry.state != State::draining) return;
  entry.users = use.users;
  entry.idle_since = std::max(entry.idle_since, use.last_use);
  if (use.hits == 0) return;
  entry.hits += use.hits, hits_ += use.hits;
  past(id).rate.add_since(use.hits, now);
}

Effects Plan::idle(const std::string& id, SteadyTime now) {
  Effects effects;
  const auto found = entries_.find(id);
  if (found == entries_.end()) return effects;
  Entry& entry = found->second;
  entry.users = 0;
  entry.watched = false;
  if (entry.state == State::draining) {
    Entry waiting{.waiters = std::move(entry.waiters), .metadata = entry.metadata};
    unload(found, UnloadReason::removed, effects, now);
    queue_again(id, std::move(waiting), now);
  }
  advance(effects, now);
  return effects;
}

Effects Plan::claimed(SteadyTime now) {
  Effects effects;
  for (const std::string& id : std::exchange(claim_, {})) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) continue;
    Entry waiting{.waiters = std::move(found->second.waiters), .metadata = found->second.metadata};
    unload(found, claim_reason_, effects, now);
    queue_again(id, std::move(waiting), now);
  }
  // The one that no memory was found for stands first: who leaves now leaves for it.
  if (claim_reason_ == UnloadReason::no_memory && !queue_.empty())
    entries_.at(queue_.front()).memory_error.reset();
  advance(effects, now);
  return effects;
}

Effects Plan::rescued(const std::vector<std::string>& busy, SteadyTime now) {
  Effects effects;
  for (const std::string& id : busy) {
    if (const auto found = entries_.find(id); found != entries_.end()) {
      found->second.users = std::max<std::int64_t>(1, found->second.users);
      found->second.watched = true;
    }
  }
  for (const std::string& id : std::exchange(claim_, {})) {
    Entry& entry = entries_.at(id);
    for (const Ticket ticket : std::exchange(entry.waiters, {})) {
      ++entry.users;
      effects.push_back(Grant{ticket, id});
    }
  }
  advance(effects, now);
  return effects;
}

void Plan::keep(const std::string& id, std::chrono::milliseconds keep_alive) {
  if (const auto found = entries_.find(id); found != entries_.end()) found->second.keep_alive = keep_alive;
}

// --- loads

Effects Plan::loaded(const std::string& id, const LoadReport& report, SteadyTime now) {
  Effects effects;
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.state != State::loading) return effects;
  Entry& entry = found->second;
  failures_.erase(id);
  Past& history = past(id);
  ++history.loads;
  history.load_seconds = entry.load_seconds = report.seconds;
  if (report.anonymous) {
    Learned& learned = learned_[{id, entry.metadata.options}];
    learned = {.model = id,
               .options = entry.metadata.options,
               .anonymous_bytes = std::max(learned.anonymous_bytes, *report.anonymous),
               .peak_bytes = std::max(report.peak, *report.anonymous),
               .load_seconds = report.seconds,
               .device_beyond = std::move(learned.device_beyond)};
    entry.anonymous = report.anonymous;
    entry.bytes = entry.metadata.mapped_bytes + learned.anonymous_bytes;
    if (!entry.metadata.device_bytes.empty()) entry.measured_devices = report.device_bytes;
    learned.device_beyond.resize(std::max(learned.device_beyond.size(), entry.measured_devices.size()));
    for (std::size_t i = 0; i < entry.measured_devices.size(); ++i) {
      const auto& predicted = entry.metadata.device_bytes;  // with what had been learned before
      learned.device_beyond[i] +=
          number(entry.measured_devices[i]) - number(i < predicted.size() ? predicted[i] : 0);
    }
  }
  make_ready(id, entry, now);
  for (const Ticket ticket : std::exchange(entry.waiters, {})) {
    ++entry.users;
    effects.push_back(Grant{ticket, id});
  }
  if (entry.leave_after_use) {
    entry.state = State::draining;
    entry.watched = true;
    effects.push_back(Close{id});
  }
  advance(effects, now);
  return effects;
}

Effects Plan::load_failed(const std::string& id, const Error& cause, SteadyTime now) {
  Effects effects;
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.state != State::loading) return effects;
  Entry& entry = found->second;
  const bool wanted = !entry.waiters.empty();
  if (wanted && entry.abandoned) {
    // Somebody came after the load had been told to stop: it is loaded again, for them.
    entry.abandoned = false;
    entry.state = State::queued;
    queue_.push_front(id);
  } else if (wanted && cause.reason == "no_memory" && !entry.tried_again) {
    entry.tried_again = true;
    entry.memory_error = cause;
    entry.state = State::queued;
    queue_.push_front(id);
  } else {
    refuse(found, cause.code == Code::cancelled ? cause : fail(id, cause, now), effects);
  }
  advance(effects, now);
  return effects;
}

Error Plan::fail(const std::string& id, const Error& cause, SteadyTime now) {
  ++load_failures_;
  Failure& failure = failures_[id];
  failure.cause = cause;
  const auto pause = backoff(++failure.count);
  failure.retry_at = now + pause;
  Error error = cause;
  error.retry_after = pause;
  return error;
}

void Plan::refuse(Entries::iterator entry, const Error& error, Effects& effects) {
  for (const Ticket ticket : entry->second.waiters) effects.push_back(Refuse{ticket, error});
  std::erase(queue_, entry->first);
  std::erase(promised_, entry->first);
  entries_.erase(entry);
}

Effects Plan::unloaded(const std::string& id, std::optional<std::uint64_t> returned, SteadyTime now,
                       const std::vector<Device>& devices) {
  Effects effects;
  const auto found =
      std::find_if(leaving_.begin(), leaving_.end(), [&](const Leaving& each) { return each.id == id; });
  if (found == leaving_.end()) return effects;
  if (returned && found->anonymous) {
    // It may have grown while it was used: what came back is the better measure.
    learned_[{id, found->options}].anonymous_bytes = std::max(*found->anonymous, *returned);
    const auto least = static_cast<std::uint64_t>(kReturned * static_cast<double>(*found->anonymous));
    if (*returned + kNoise < *found->anonymous && *returned < least) leaked_ += *found->anonymous - *returned;
  }
  leaving_.erase(found);
  learn_foreign(devices);
  advance(effects, now);
  return effects;
}

Effects Plan::see_devices(const std::vector<Device>& devices, SteadyTime now) {
  Effects effects;
  learn_foreign(devices);
  advance(effects, now);
  return effects;
}

void Plan::learn_foreign(const std::vector<Device>& devices) {
  if (devices.empty()) return;
  devices_ = devices;
  foreign_.resize(devices.size());
  const std::vector<std::uint64_t> ours = device_bytes_taken();
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::uint64_t used =
        devices[i].memory_total - std::min(devices[i].memory_total, devices[i].memory_free);
    const std::uint64_t theirs = used - std::min(used, i < ours.size() ? ours[i] : 0);
    // What loads may not have all of its memory yet: then this is the least that others have.
    foreign_[i] = is_quiet() ? theirs : std::max(foreign_[i], theirs);
  }
}

// --- put, remove

Result<std::vector<std::string>> Plan::make_way(const std::string& id, const Metadata& metadata,
                                                SteadyTime now) const {
  std::vector<std::string> victims;
  Room room = promisable();
  const auto old = entries_.find(id);
  if (old != entries_.end()) {
    if (old->second.state != State::ready || old->second.users > 0)
      return Error{Code::conflict, fmt::format("{} is loading or in use: remove it first, or wait", id),
                   "model_in_use"};
    victims.push_back(id);
    ++room.places;
    room.bytes += number(old->second.bytes);
  }
  const std::int64_t bytes = std::max<std::int64_t>(0, number(metadata.memory_bytes) - room.bytes);
  const std::int64_t places = std::max<std::int64_t>(0, 1 - room.places);
  if (bytes == 0 && places == 0) return victims;
  // The old one is no candidate: it is counted already.
  Plan others = *this;
  others.entries_.erase(id);
  const auto chosen = others.choose(bytes, places, {}, now);
  if (!chosen)
    return Error{Code::exhausted, fmt::format("no room for {}: what could leave for it is in use", id),
                 "cache_full"};
  victims.insert(victims.end(), chosen->begin(), chosen->end());
  return victims;
}

Effects Plan::put(const std::string& id, const Metadata& metadata, const std::vector<std::string>& victims,
                  SteadyTime now) {
  Effects effects;
  for (const std::string& victim : victims) {
    const auto found = entries_.find(victim);
    if (found != entries_.end())
      unload(found, victim == id ? UnloadReason::replaced : UnloadReason::evicted, effects, now);
  }
  Entry& entry = entries_[id];
  entry.metadata = metadata;
  entry.predicted = entry.bytes = metadata.memory_bytes;
  make_ready(id, entry, now);
  return effects;
}

std::pair<Removal, Effects> Plan::remove(const std::string& id, SteadyTime) {
  Effects effects;
  failures_.erase(id);  // who removes a model wants the next request to try it
  const auto found = entries_.find(id);
  if (found == entries_.end()) return {is_unloading(id) ? Removal::removed : Removal::absent, effects};
  Entry& entry = found->second;
  if (entry.state == State::queued || entry.state == State::reserved) return {Removal::absent, effects};
  if (entry.state == State::loading) entry.leave_after_use = true;
  if (entry.state == State::ready) {
    entry.state = State::draining;
    entry.watched = true;
    effects.push_back(Close{id});
  }
  return {Removal::draining, effects};
}

Effects Plan::set_max_bytes(std::uint64_t max_bytes, SteadyTime now) {
  options_.max_bytes = max_bytes;
  Effects effects;
  advance(effects, now);
  return effects;
}

Effects Plan::set_max_device_percent(double percent, SteadyTime now) {
  options_.max_device_percent = percent;
  Effects effects;
  advance(effects, now);
  return effects;
}

Effects Plan::tick(SteadyTime now) {
  std::erase_if(failures_, [&](const auto& each) { return now - each.second.retry_at > kFailureMemory; });
  Effects effects;
  advance(effects, now);
  return effects;
}

void Plan::measured(std::uint64_t anonymous) {
  std::uint64_t known = 0;
  for (const auto& [id, entry] : entries_) known += entry.anonymous.value_or(0);
  leaked_ = std::min(leaked_, anonymous > known ? anonymous - known : 0);
}

// --- what is asked about it

std::optional<SteadyTime> Plan::next_due(SteadyTime now) const {
  std::optional<SteadyTime> due;
  const auto sooner = [&](SteadyTime time) { due = due ? std::min(*due, time) : time; };
  const Room room = promisable();
  const bool wanted = !queue_.empty() || room.is_overdrawn();
  for (const auto& [id, entry] : entries_) {
    if (entry.state != State::ready) continue;
    const auto ttl = ttl_of(entry);
    if (!entry.watched && ttl.count() >= 0) sooner(entry.idle_since + ttl);
    if (wanted && entry.users == 0 && stays_until(entry) > now) sooner(stays_until(entry));
  }
  return due;
}

bool Plan::is_claimed(const std::string& id) const {
  return std::find(claim_.begin(), claim_.end(), id) != claim_.end();
}

bool Plan::is_unloading(const std::string& id) const {
  return std::any_of(leaving_.begin(), leaving_.end(), [&](const Leaving& each) { return each.id == id; });
}

bool Plan::is_quiet() const {
  return leaving_.empty() && std::none_of(entries_.begin(), entries_.end(), [](const auto& each) {
           return each.second.state == State::loading;
         });
}

std::vector<std::string> Plan::ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, entry] : entries_) ids.push_back(id);
  return ids;
}

}  // namespace medsynth::models
