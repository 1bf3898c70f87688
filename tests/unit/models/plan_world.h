// A world for the plan: gates, loads, unloads and callers as numbers, carried out one step at a time, so that
// uses of a model may begin and end between any two steps. It knows what must never happen, and says so in
// `broken`.
#pragma once

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "medsynth/models/plan.h"

namespace medsynth::models {

struct World {
  struct Door {
    std::int64_t users = 0;
    bool open = true, watched = false;
    SteadyTime last_use{};
    std::int64_t hits = 0;
  };

  explicit World(const CacheOptions& options, std::vector<Learned> learned = {})
      : plan(options, std::move(learned)), places(options.max_models), budget(options.max_bytes) {}

  // --- what callers do

  // A use without the plan, as Cache::get has it.
  bool take(Ticket ticket, const std::string& id) {
    const auto door = doors.find(id);
    if (door == doors.end() || !door->second.open) return false;
    ++door->second.users, ++door->second.hits;
    users[ticket] = id;
    return true;
  }
  // Is the end of this use without the plan?
  bool can_let_go(Ticket ticket) const {
    const Door& door = doors.at(users.at(ticket));
    return !(door.watched && door.users == 1);
  }
  void let_go(Ticket ticket, std::optional<std::chrono::milliseconds> keep_alive = {}) {
    const std::string id = users.at(ticket);
    const bool fast = can_let_go(ticket) && !keep_alive;
    users.erase(ticket);
    Door& door = doors.at(id);
    door.last_use = now;
    --door.users;
    if (fast) return;
    if (keep_alive) plan.keep(id, *keep_alive);
    observe();
    door.watched = door.users > 0 && door.watched;
    add(door.users == 0 ? plan.idle(id, now) : plan.tick(now));
  }
  void request(Ticket ticket, const std::string& id, const Metadata& known = {}) {
    if (take(ticket, id)) return granted.push_back(ticket);
    waiting[ticket] = id;
    metadata.try_emplace(id, known);
    observe();
    add(plan.request(ticket, id, known, now));
  }
  Plan::Left leave(Ticket ticket) {
    observe();
    auto left = plan.leave(ticket, waiting.at(ticket), now);
    waiting.erase(ticket);
    add(left.effects);
    return left;
  }
  Removal remove(const std::string& id) {
    observe();
    auto [removal, effects] = plan.remove(id, now);
    add(std::move(effects));
    return removal;
  }

  // --- what the shell reports

  void load(const std::string& id, LoadReport report = {}) {
    loading.erase(id);
    doors[id] = {.last_use = now};
    observe();
    add(plan.loaded(id, report, now));
  }
  void fail(const std::string& id, const Error& cause) {
    loading.erase(id);
    stopped.erase(id);
    observe();
    add(plan.load_failed(id, cause, now));
  }
  void unload(const std::string& id, std::optional<std::uint64_t> returned = {}) {
    leaving.erase(leaving.find(id));
    observe();
    add(plan.unloaded(id, returned, now, devices()));
  }
  void tick(std::chrono::milliseconds by = {}) {
    now += by;
    observe();
    add(plan.tick(now));
  }
  // GPUs of so many bytes, of which others have so many. What models of ours have there is in use as well: it is
  // what they said, from the begin of a load until the memory is back.
  void set_devices(std::vector<std::uint64_t> totals, std::vector<std::uint64_t> others) {
    device_totals = std::move(totals);
    device_others = std::move(others);
    see_devices();
  }
  std::vector<Device> devices() const {
    std::vector<Device> seen;
    for (std::size_t i = 0; i < device_totals.size(); ++i) {
      std::uint64_t used = device_others[i];
      const auto add = [&](const std::string& id) {
        const auto& bytes = metadata.at(id).device_bytes;
        if (i < bytes.size()) used += bytes[i];
      };
      for (const auto& id : loading) add(id);
      for (const auto& id : leaving) add(id);
      for (const auto& [id, door] : doors) add(id);
      seen.push_back({.memory_total = device_totals[i],
                      .memory_free = device_totals[i] - std::min(device_totals[i], used)});
    }
    return seen;
  }
  void see_devices() {
    observe();
    add(plan.see_devices(devices(), now));
  }
  void set_max_bytes(std::uint64_t bytes) {
    budget = bytes;
    observe();
    add(plan.set_max_bytes(bytes, now));
  }
  void observe() {
    for (auto& [id, door] : doors)
      plan.observe(id, {door.users, door.last_use, std::exchange(door.hits, 0)}, now);
  }

  // --- effects

  void carry_out_one() {
    const Effect effect = pending.front();
    pending.pop_front();
    std::visit([this](const auto& each) { carry_out(each); }, effect);
    check();
  }
  World& run() {
    while (!pending.empty()) carry_out_one();
    return *this;
  }

  void check() {
    const auto here = static_cast<std::int64_t>(loading.size() + doors.size() + leaving.size());
    if (here > places) broken = "more models than places";
    const std::uint64_t taken = plan.bytes_taken();
    if (sizes_are_right && budget > 0 && taken > budget && taken > taken_before)
      broken = "more bytes than the budget";
    taken_before = taken;
    // What is loading, there or leaving has its memory on each GPU, beside what others have.
    const std::vector<std::uint64_t> ours = plan.device_bytes_taken();
    devices_before.resize(device_totals.size());
    for (std::size_t i = 0; i < std::min(ours.size(), device_totals.size()); ++i) {
      if (ours[i] > devices_before[i] && ours[i] + device_others[i] > device_totals[i])
        broken = "more bytes on a GPU than it has";
    }
    std::copy_n(ours.begin(), std::min(ours.size(), devices_before.size()), devices_before.begin());
    if (ours.size() < devices_before.size())
      std::fill(devices_before.begin() + static_cast<std::ptrdiff_t>(ours.size()), devices_before.end(), 0);
    for (const auto& [id, door] : doors) {
      if (door.users < 0) broken = "more ends than uses";
    }
    for (const auto& [ticket, id] : users) {
      if (!doors.contains(id)) broken = "a use of a model that is gone";
    }
  }

  // Everything comes to its end: loads end well, users let go, victims go, time passes until something is
  // due. Then nobody may still wait; `broken` says who does.
  void settle() {
    for (int round = 0; round < 200 && broken.empty(); ++round) {
      run();
      if (waiting.empty() && loading.empty() && leaving.empty()) return;
      if (!loading.empty()) {
        load(std::string(*loading.begin()));
      } else if (!leaving.empty()) {
        unload(std::string(*leaving.begin()));
      } else if (!users.empty()) {
        let_go(users.begin()->first);
      } else if (const auto due = plan.next_due(now)) {
        now = std::max(*due, now);
        tick();
      } else if (plan.waits_for_device()) {
        device_others.assign(device_others.size(), 0);  // other programs end as well, and drivers are asked
        see_devices();
      } else {
        break;
      }
    }
    if (broken.empty()) broken = "a caller waits for ever";
  }

  std::string fingerprint() const {
    std::string text = plan.fingerprint(now);
    const auto out = std::back_inserter(text);
    for (const auto& [id, door] : doors)
      fmt::format_to(out, "d{}{}{}{},{}", id, door.users, door.open, door.watched,
                     (now - door.last_use).count());
    for (const auto& [ticket, id] : waiting) fmt::format_to(out, "?{}{}{}", ticket, id, deadline(ticket));
    for (const auto& [ticket, id] : users) fmt::format_to(out, "u{}{}", ticket, id);
    for (const auto& id : loading) text += "l" + id;
    for (const auto& id : leaving) text += "x" + id;
    for (const auto bytes : device_others) text += "o" + std::to_string(bytes);
    for (const Effect& effect : pending) {
      fmt::format_to(out, "e{}", effect.index());
      std::visit(
          [&](const auto& each) {
            if constexpr (requires { each.id; }) text += each.id;
            if constexpr (requires { each.ids; })
              for (const auto& id : each.ids) text += id;
            if constexpr (requires { each.ticket; }) text += std::to_string(each.ticket);
          },
          effect);
    }
    return text;
  }
  std::int64_t deadline(Ticket ticket) const {
    const auto found = deadlines.find(ticket);
    return found == deadlines.end() ? 0 : (found->second - now).count();
  }

  Plan plan;
  std::int64_t places;
  std::uint64_t budget;
  SteadyTime now{};
  std::map<std::string, Door> doors;
  std::map<Ticket, std::string> waiting, users;
  std::map<Ticket, SteadyTime> deadlines;
  std::set<std::string> loading, stopped;
  std::multiset<std::string> leaving;
  std::deque<Effect> pending;
  std::uint64_t taken_before = 0;
  std::map<std::string, Metadata> metadata;  // as each was asked for first
  std::vector<std::uint64_t> device_totals, device_others, devices_before;
  bool sizes_are_right = true;  // a model that turns out larger may go over the budget
  std::string broken;
  // What was answered and begun, for tests to read.
  std::vector<Ticket> granted;
  std::vector<std::pair<Ticket, Error>> refused;
  std::vector<std::string> started;
  std::vector<std::pair<std::string, UnloadReason>> unloads;

 private:
  void add(Effects effects) { pending.insert(pending.end(), effects.begin(), effects.end()); }
  void answer(Ticket ticket) {
    if (waiting.erase(ticket) != 1) broken = "an answer to somebody who does not wait";
  }
  void heard(const std::string& id) {
    Door& door = doors.at(id);
    door.watched = true;
    if (door.users > 0) return;
    door.watched = false;
    add(plan.idle(id, now));
  }

  void carry_out(const Grant& grant) {
    answer(grant.ticket);
    const auto door = doors.find(grant.id);
    if (door == doors.end() || !door->second.open) return void(broken = "a closed model is given out");
    ++door->second.users;
    users[grant.ticket] = grant.id;
    granted.push_back(grant.ticket);
  }
  void carry_out(const Refuse& refuse) {
    answer(refuse.ticket);
    refused.emplace_back(refuse.ticket, refuse.error);
  }
  void carry_out(const StartLoad& start) {
    if (!waiting.contains(start.ticket)) broken = "a load for nobody";
    if (leaving.contains(start.id) || doors.contains(start.id)) broken = "a model is in memory twice";
    if (!loading.insert(start.id).second) broken = "a model is loaded twice at once";
    started.push_back(start.id);
  }
  void carry_out(const StopLoad& stop) { stopped.insert(stop.id); }
  void carry_out(const Claim& claim) {
    for (const std::string& id : claim.ids) {
      if (doors.at(id).users == 0) continue;
      add(plan.rescued({id}, now));
      heard(id);
      return;
    }
    for (const std::string& id : claim.ids) doors.at(id).open = false;
    add(plan.claimed(now));
  }
  void carry_out(const Watch& watch) { heard(watch.id); }
  void carry_out(const Close& close) {
    doors.at(close.id).open = false;
    heard(close.id);
  }
  void carry_out(const Unload& unload) {
    const auto door = doors.find(unload.id);
    if (door == doors.end()) return void(broken = "a model leaves that is not there");
    if (door->second.users > 0) broken = "a model in use is unloaded";
    if (door->second.open) broken = "a model that can be taken is unloaded";
    doors.erase(door);
    leaving.insert(unload.id);
    unloads.emplace_back(unload.id, unload.reason);
  }
};

}  // namespace medsynth::models
