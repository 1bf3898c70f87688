// What the plan says about itself: statistics, what was learned, and its state for the explorer.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "medsynth/models/plan.h"

namespace medsynth::models {

std::int64_t Plan::places_taken() const {
  auto taken = static_cast<std::int64_t>(leaving_.size());
  for (const auto& [id, entry] : entries_)
    taken += entry.state != State::queued && entry.state != State::reserved;
  return taken;
}

std::uint64_t Plan::bytes_taken() const {
  std::uint64_t taken = 0;
  for (const Leaving& each : leaving_) taken += each.bytes;
  for (const auto& [id, entry] : entries_) {
    if (entry.state == State::loading) taken += entry.peak;
    if (entry.state == State::ready || entry.state == State::draining) taken += entry.bytes;
  }
  return taken;
}

std::vector<std::uint64_t> Plan::device_bytes_taken() const {
  std::vector<std::uint64_t> taken;
  const auto add = [&](const std::vector<std::uint64_t>& bytes) {
    taken.resize(std::max(taken.size(), bytes.size()));
    for (std::size_t i = 0; i < bytes.size(); ++i) taken[i] += bytes[i];
  };
  for (const Leaving& each : leaving_) add(each.device_bytes);
  for (const auto& [id, entry] : entries_)
    if (entry.state != State::queued && entry.state != State::reserved) add(entry.device_bytes());
  return taken;
}

std::vector<DeviceRoom> Plan::device_rooms(const std::string& id, const std::string& options) const {
  std::vector<DeviceRoom> rooms;
  const auto learned = learned_.find({id, options});
  const Room room = promisable();
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    const std::int64_t ours = std::min(number(devices_[i].memory_free), room.devices[i]);
    const bool measured = learned != learned_.end() && i < learned->second.device_beyond.size();
    rooms.push_back({.integrated = devices_[i].kind == "integrated",
                     .free = static_cast<std::uint64_t>(std::max<std::int64_t>(0, ours)),
                     .most = static_cast<std::uint64_t>(device_capacity(i)),
                     .beyond = measured ? learned->second.device_beyond[i] : 0});
  }
  return rooms;
}

bool Plan::waits_for_device() const {
  const auto waits = [&](const std::string& id) { return !entries_.at(id).metadata.device_bytes.empty(); };
  return std::ranges::any_of(queue_, waits) || std::ranges::any_of(promised_, waits);
}

std::string Plan::waits_for(const std::string& id, SteadyTime now) const {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.state != State::queued) return "";
  const Entry& entry = found->second;
  const Room room = promisable();
  const auto free = [](std::int64_t bytes) {
    return gigabytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, bytes)));
  };
  const auto holders = [&](auto bytes_of) {
    std::string text;
    const auto add = [&](const std::string& holder) {
      text += (text.empty() ? ", held by " : ", ") + holder;
    };
    for (const Leaving& each : leaving_)
      if (bytes_of(each.bytes, each.device_bytes) > 0) add(each.id + " (leaves)");
    for (const auto& [name, other] : entries_) {
      if (other.state == State::queued || bytes_of(other.bytes, other.device_bytes()) == 0) continue;
      const auto left = std::chrono::ceil<std::chrono::seconds>(stays_until(other) - now).count();
      const bool idle = other.state == State::ready && other.users == 0;
      add(fmt::format("{} ({})", name,
                      idle && other.metadata.pinned ? "pinned"
                      : idle ? fmt::format("may leave in {} s", std::max<std::int64_t>(0, left))
                      : other.state == State::ready ? "in use"
                                                    : state_of(other)));
    }
    return text;
  };
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "needs " : "; needs ") + part; };
  if (room.places < 1)
    add(fmt::format("a place among {} models{}", options_.max_models,
                    holders([](auto, const auto&) { return 1; })));
  if (room.bytes < number(entry.peak))
    add(fmt::format("{}, {} free{}", gigabytes(entry.peak), free(room.bytes),
                    holders([](std::uint64_t bytes, const auto&) { return bytes; })));
  const std::vector<std::uint64_t> missing = room.missing_for(entry);
  for (std::size_t i = 0; i < missing.size(); ++i) {
    if (missing[i] == 0) continue;
    add(fmt::format("{} on GPU {}, {} free{}{}", gigabytes(entry.metadata.device_bytes[i]), i,
                    free(room.devices[i]),
                    holders([i](std::uint64_t, const std::vector<std::uint64_t>& bytes) {
                      return i < bytes.size() ? bytes[i] : 0;
                    }),
                    foreign_[i] > 0 ? fmt::format(", {} by other programs", gigabytes(foreign_[i])) : ""));
  }
  return text;
}

std::vector<Learned> Plan::learned() const {
  std::vector<Learned> all;
  for (const auto& [key, learned] : learned_) all.push_back(learned);
  return all;
}

std::string Plan::state_of(const Entry& entry) const {
  switch (entry.state) {
    case State::queued:
      return "queued";
    case State::reserved:
      return "reserved";
    case State::loading:
      return "loading";
    case State::draining:
      return "draining";
    case State::ready:
      break;
  }
  return entry.users > 0 ? "in_use" : "ready";
}

CacheStats Plan::stats(SteadyTime steady, WallTime wall) const {
  const auto shown = [&](SteadyTime time) {
    return rfc3339(wall + std::chrono::duration_cast<std::chrono::microseconds>(time - steady));
  };
  CacheStats stats{.max_size = options_.max_models,
                   .ttl = std::chrono::duration<double>(options_.ttl).count(),
                   .memory_bytes = bytes_taken(),
                   .max_memory_bytes = options_.max_bytes,
                   .leaked_bytes = leaked_,
                   .hits = hits_,
                   .misses = misses_,
                   .coalesced = coalesced_,
                   .evictions = evictions_,
                   .expirations = expirations_,
                   .load_failures = load_failures_};
  for (const auto& [id, entry] : entries_) {
    const bool here = entry.state == State::ready || entry.state == State::draining;
    const bool waits = entry.state == State::queued || entry.state == State::reserved;
    stats.size += !waits;
    if (!here && entry.state != State::queued) stats.reserved_bytes += entry.peak;
    const auto& history = past_.at(id);
    ModelStats model{.id = id,
                     .state = state_of(entry),
                     .users = entry.users,
                     .hits = entry.hits,
                     .loads = history.loads,
                     .load_seconds = entry.load_seconds,
                     .memory_bytes = here ? entry.bytes : entry.peak,
                     .predicted_bytes = entry.predicted,
                     .measured_bytes = entry.anonymous ? entry.metadata.mapped_bytes + *entry.anonymous : 0,
                     .placement = entry.metadata.placement.text,
                     .placement_reason = entry.metadata.placement.reason,
                     .device_bytes = entry.device_bytes(),
                     .measured_device_bytes = entry.measured_devices,
                     .waiting = static_cast<std::int64_t>(entry.waiters.size()),
                     .waits_for = waits_for(id, steady),
                     .pinned = entry.metadata.pinned,
                     .uses_per_second = history.rate.per_second(steady),
                     .metadata = entry.metadata.extra};
    if (here) model.loaded_at = shown(entry.loaded_at);
    if (here) model.last_used = entry.users > 0 ? shown(steady) : shown(entry.idle_since);
    const auto ttl = ttl_of(entry);
    if (entry.state == State::ready && entry.users == 0 && ttl.count() >= 0)
      model.expires_at = shown(entry.idle_since + ttl);
    stats.models.push_back(std::move(model));
  }
  for (const Leaving& each : leaving_)
    stats.models.push_back({.id = each.id,
                            .state = "unloading",
                            .memory_bytes = each.bytes,
                            .device_bytes = each.device_bytes,
                            .measured_device_bytes = {}});
  for (const auto& [id, failure] : failures_) {
    if (entries_.contains(id)) continue;
    const auto retry_at = failure.retry_at > steady ? std::optional(shown(failure.retry_at)) : std::nullopt;
    stats.models.push_back({.id = id,
                            .state = "failed",
                            .device_bytes = {},
                            .measured_device_bytes = {},
                            .retry_at = retry_at,
                            .error = failure.cause.message});
  }
  return stats;
}

std::string Plan::fingerprint(SteadyTime now) const {
  std::string text;
  const auto out = std::back_inserter(text);
  const auto age = [&](SteadyTime time, std::chrono::milliseconds most) {
    return std::min<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now - time).count(),
                                  most.count());
  };
  for (const auto& [id, entry] : entries_) {
    fmt::format_to(out, "{}{}:{},{},{},{},{},{},{},{},", id, static_cast<int>(entry.state), entry.users,
                   entry.watched, entry.abandoned, entry.leave_after_use, entry.memory_error.has_value(),
                   entry.tried_again, entry.bytes, entry.keep_alive ? entry.keep_alive->count() : -2);
    if (entry.state == State::queued) fmt::format_to(out, "q{}", age(entry.queued_at, options_.passing));
    if (entry.state == State::ready)
      fmt::format_to(out, "i{}", age(entry.idle_since, std::max(options_.ttl, std::chrono::milliseconds(0))));
    for (const Ticket ticket : entry.waiters) fmt::format_to(out, "w{}", ticket);
    text += ';';
  }
  for (const auto& id : queue_) text += id;
  text += '|';
  for (const auto& id : promised_) text += id;
  text += '|';
  for (const auto& each : leaving_) fmt::format_to(out, "{}{}", each.id, each.bytes);
  text += '|';
  for (const auto& id : claim_) text += id;
  for (const auto& [id, failure] : failures_)
    fmt::format_to(out, "f{}{},{}", id, std::min<std::int64_t>(failure.count, 7),
                   std::min<std::int64_t>(0, age(failure.retry_at, std::chrono::milliseconds(0))));
  fmt::format_to(out, "|{},{},{}", leaked_, options_.max_bytes,
                 claim_.empty() ? 0 : static_cast<int>(claim_reason_));
  for (std::size_t i = 0; i < devices_.size(); ++i)
    fmt::format_to(out, "g{},{}", devices_[i].memory_free, foreign_[i]);
  return text;
}

}  // namespace medsynth::models
