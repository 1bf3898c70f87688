// Two messages, two workers and a Redis, as far as attempts change them: what the scripts of dramatiq and
// tasks do, in a few lines each. Whatever can happen between any two effects is an action: a kill, a lost
// answer, a lease that is taken, a cancellation, an orderly end, a Redis that refuses.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "medsynth/base/described.h"
#include "medsynth/pipeline/attempt.h"

namespace medsynth::pipeline {

constexpr int kMessages = 2, kWorkers = 2, kMaxDeaths = 2, kMaxRetries = 1;

enum class Place : std::uint8_t { queue, first, second, dead, gone };  // first, second: a worker's ack set
constexpr Place acks_of(int worker) {
  return worker == 0 ? Place::first : Place::second;
}
enum class Status : std::uint8_t { pending, processing, retrying, completed, failed, cancelled };
constexpr bool has_ended(Status status) {
  return status >= Status::completed;
}

struct Record {
  Status status = Status::pending;
  std::uint8_t attempt = 0;
  std::uint8_t worker = 0;
  bool operator==(const Record&) const = default;
};

struct InRedis {
  Place place = Place::queue;
  std::array<bool, kWorkers> marks{};
  std::uint8_t deaths = 0, retries = 0;
  Record record;
  bool tombstone = false;
  std::uint8_t settled = 0;  // how often something followed from it
  bool operator==(const InRedis&) const = default;
};

struct InWorker {
  Attempt attempt;
  std::uint8_t number = 0;
  bool in_doubt = false;
  bool operator==(const InWorker&) const = default;
};

struct Worker {
  bool alive = true, stopping = false;
  std::array<std::optional<InWorker>, kMessages> flights;
  bool operator==(const Worker&) const = default;
};

struct Chances {  // what may still go wrong
  std::uint8_t kills = 3, lost_answers = 1, taken_leases = 1, cancels = 1, stops = 1, refusals = 1;
  bool operator==(const Chances&) const = default;
};

class World {
 public:
  std::array<InRedis, kMessages> messages;
  std::array<Worker, kWorkers> workers;
  Chances left;
  std::string fault;  // what must not be and is

  struct Action {
    std::string name;
    std::function<void(World&)> run;
    bool heals = false;  // what happens when nothing goes wrong
  };
  std::vector<Action> actions() const;
  bool at_rest() const;
  std::string key() const;
  std::string text() const;  // for people

 private:
  void require(bool holds, const char* what) {
    if (!holds && fault.empty()) fault = what;
  }
  void fetch(int worker, int message, bool start);
  void kill(int worker);
  void recover(int worker, bool counts);
  void end(int worker);
  void cancel(int message);
  void happened(int worker, int message, const Event& event);
  void carry_out(int worker, int message, bool answered);
  void add_flight_actions(std::vector<Action>& all, int worker, int message) const;
  bool may_enter(int worker, int message) const;

  Event start(int worker, int message);
  Event open(int worker, int message);
  Event record(int worker, int message, Status to);
  Event settle(int worker, int message, End end, bool bury);
};

constexpr bool needs_admission(int message) {
  return message == 0;
}

inline Status status_of(End end) {
  switch (end) {
    case End::completed:
      return Status::completed;
    case End::retrying:
      return Status::retrying;
    case End::failed:
      return Status::failed;
    default:
      return Status::cancelled;
  }
}

inline void World::fetch(int w, int m, bool start) {
  InRedis& message = messages[m];
  message.place = acks_of(w);
  workers[w].flights[m] = InWorker{};
  if (start && message.deaths == 0) message.marks[w] = workers[w].flights[m]->attempt.marked = true;
}

inline void World::kill(int w) {
  workers[w].alive = false;
  for (int m = 0; m < kMessages; ++m) {
    const auto& flight = workers[w].flights[m];
    if (flight && flight->attempt.effect == Effect::run && messages[m].place == acks_of(w))
      require(messages[m].marks[w], "a worker died running a message that nobody marked");
    workers[w].flights[m].reset();
  }
}

inline void World::recover(int w, bool counts) {
  for (InRedis& message : messages) {
    if (message.marks[w] && message.place == acks_of(w) && counts) ++message.deaths;
    message.marks[w] = false;
    if (message.place == acks_of(w)) message.place = Place::queue;
  }
}

// An orderly end: nothing it still holds counts as a death.
inline void World::end(int w) {
  for (auto& flight : workers[w].flights) flight.reset();
  recover(w, false);
  workers[w] = {};
}

inline void World::cancel(int m) {
  InRedis& message = messages[m];
  if (has_ended(message.record.status)) return;
  message.tombstone = true;
  if (message.record.status != Status::processing) message.record.status = Status::cancelled;
}

// Only one that needs admission writes its record, and does so even where the lease was lost.
inline Event World::start(int w, int m) {
  InRedis& message = messages[m];
  InWorker& flight = *workers[w].flights[m];
  bool fresh = message.record == Record{} && !message.tombstone;
  if (needs_admission(m)) {
    flight.number = 1;
    fresh = std::holds_alternative<Done>(record(w, m, Status::processing));
  }
  flight.number = fresh ? 1 : 0;
  if (message.place != acks_of(w)) {
    message.marks[w] = false;
    return Lost{};
  }
  message.marks[w] = true;
  return Started{.deaths = message.deaths,
                 .too_many = message.deaths >= kMaxDeaths,
                 .aborted = false,
                 .opened = fresh,
                 .written = fresh && needs_admission(m)};
}

inline Event World::open(int w, int m) {
  InRedis& message = messages[m];
  Record& record = message.record;
  if (message.tombstone) {
    if (!has_ended(record.status)) record.status = Status::cancelled;
    return HasEnded{};
  }
  if (record.status == Status::completed) return HasEnded{End::completed};
  if (record.status == Status::failed) return HasEnded{End::failed};
  if (record.status == Status::cancelled) return HasEnded{};
  record = {Status::processing, static_cast<std::uint8_t>(record.attempt + 1), static_cast<std::uint8_t>(w)};
  workers[w].flights[m]->number = record.attempt;
  return Opened{};
}

// As advance.lua, its fence.
inline Event World::record(int w, int m, Status to) {
  Record& record = messages[m].record;
  const std::uint8_t number = workers[w].flights[m]->number;
  const bool first = record.status == Status::pending && record.attempt + 1 == number;
  const bool ours = record.status == Status::processing && record.attempt == number && record.worker == w;
  const Record written{to, number, static_cast<std::uint8_t>(w)};
  if (record == written) return Done{};  // again
  if (!first && !ours) return Stale{};
  record = written;
  if (has_ended(to)) messages[m].tombstone = false;
  return Done{};
}

inline Event World::settle(int w, int m, End end, bool bury) {
  InRedis& message = messages[m];
  InWorker& flight = *workers[w].flights[m];
  if (message.place != acks_of(w)) {
    const bool there = message.place != Place::gone && message.place != Place::dead;
    if (flight.in_doubt && !there) return Done{};
    return Lost{};
  }
  require(bury || has_ended(message.record.status) ||
              (end == End::retrying && message.record.status == Status::retrying),
          "a message was settled before its record said how it ended");
  message.marks[w] = false;
  message.deaths = 0;
  if (!bury && end == End::retrying) {
    ++message.retries;
    message.place = Place::queue;
    return Done{};
  }
  message.place = bury || end == End::failed ? Place::dead : Place::gone;
  require(++message.settled == 1, "a message was settled twice");
  return Done{};
}

inline void World::happened(int w, int m, const Event& event) {
  InWorker& flight = *workers[w].flights[m];
  flight.attempt = next(flight.attempt, event);
  if (flight.attempt.effect != Effect::none) return;
  require(messages[m].place != acks_of(w) || workers[w].stopping,
          "a live worker holds a message and nobody has it");
  workers[w].flights[m].reset();
}

inline void World::carry_out(int w, int m, bool answered) {
  InWorker& flight = *workers[w].flights[m];
  InRedis& message = messages[m];
  const std::uint8_t deaths = message.deaths;
  const Effect effect = flight.attempt.effect;
  Event event = Done{};
  if (effect == Effect::start) event = start(w, m);
  if (effect == Effect::unmark) message.marks[w] = false;
  if (effect == Effect::open) event = open(w, m);
  if (effect == Effect::record) event = record(w, m, status_of(*flight.attempt.end));
  if (effect == Effect::release) (void)record(w, m, Status::pending);
  if (effect == Effect::settle) event = settle(w, m, *flight.attempt.end, false);
  if (effect == Effect::bury) event = settle(w, m, End::failed, true);
  if (effect == Effect::forget) message.tombstone = false;
  if (effect == Effect::give_back && message.place == acks_of(w)) {
    message.place = Place::queue;
    message.marks[w] = false;
  }
  require(message.deaths >= deaths || effect == Effect::settle || effect == Effect::bury,
          "deaths were forgotten of a message that was not settled");
  if (!answered) {
    flight.in_doubt = true;
    return happened(w, m, NotNow{});
  }
  happened(w, m, event);
  const auto& after = workers[w].flights[m];
  if (after && after->attempt.effect == Effect::run && message.place == acks_of(w)) {
    require(message.deaths == 0 || after->attempt.exclusive,
            "a message that killed a worker runs beside others");
    require(message.deaths < kMaxDeaths, "a message that killed too many workers runs");
    require(
        !needs_admission(m) || message.record.status == Status::processing,
        "a task that may be long runs and its record does not say so: it may be cancelled as if it waited");
  }
}

// By itself only when nobody else of the process is on its way to run or runs, and nobody else beside it.
inline bool World::may_enter(int w, int m) const {
  for (int other = 0; other < kMessages; ++other) {
    const auto& flight = workers[w].flights[other];
    if (other == m || !flight) continue;
    const Effect effect = flight->attempt.effect;
    const bool inside = effect == Effect::start || effect == Effect::open || effect == Effect::run;
    if (inside && (flight->attempt.exclusive || workers[w].flights[m]->attempt.exclusive)) return false;
  }
  return true;
}

inline void World::add_flight_actions(std::vector<Action>& all, int w, int m) const {
  const Attempt& attempt = workers[w].flights[m]->attempt;
  const auto event = [&](std::string name, Event what, bool heals = false) {
    all.push_back({std::move(name), [=](World& world) { world.happened(w, m, what); }, heals});
  };
  const bool cancelled = messages[m].tombstone;
  switch (attempt.effect) {
    case Effect::prepare:
      event("ready", Ready{.admission = needs_admission(m)}, true);
      event("unfit", Unfit{End::failed});
      return;
    case Effect::admit:
      event("admitted", Granted{}, true);
      event("no slot", Postponed{});
      if (cancelled) event("cancelled while it waited", CancelledWaiting{});
      return;
    case Effect::enter:
      if (may_enter(w, m))
        event("entered", Granted{}, true);
      else if (attempt.marked)
        event("crowded", Crowded{}, true);
      if (workers[w].stopping) event("nobody waits for a place", Postponed{});
      return;
    case Effect::run:
      event("completed", Ran{End::completed}, true);
      event("raised", Ran{messages[m].retries < kMaxRetries ? End::retrying : End::failed});
      event("not called", Postponed{});
      if (cancelled) event("cancelled while it ran", Ran{End::cancelled});
      if (workers[w].stopping) event("interrupted", Interrupted{});
      return;
    default:
      break;
  }
  all.push_back({"carried out", [=](World& world) { world.carry_out(w, m, true); }, true});
  if (left.lost_answers > 0)
    all.push_back({"carried out, unheard", [=](World& world) {
                     --world.left.lost_answers;
                     world.carry_out(w, m, false);
                   }});
  if (left.refusals > 0 && attempt.effect != Effect::bury)
    all.push_back({"refused", [=](World& world) {
                     --world.left.refusals;
                     world.happened(w, m, Refused{});
                   }});
  if (workers[w].stopping) event("gave up", GaveUp{});
}

inline std::vector<World::Action> World::actions() const {
  std::vector<Action> all;
  for (int w = 0; w < kWorkers; ++w) {
    const Worker& worker = workers[w];
    if (!worker.alive) {
      all.push_back({"recovered",
                     [=](World& world) {
                       world.recover(w, true);
                       world.workers[w] = {};
                     },
                     true});
      continue;
    }
    bool idle = true;
    for (int m = 0; m < kMessages; ++m) {
      idle = idle && !worker.flights[m];
      if (worker.flights[m]) {
        add_flight_actions(all, w, m);
      } else if (messages[m].place == Place::queue && !worker.stopping) {
        all.push_back({"fetched", [=](World& world) { world.fetch(w, m, false); }, true});
        if (m == 1)
          all.push_back({"fetched to start at once", [=](World& world) { world.fetch(w, m, true); }});
      }
    }
    if (worker.stopping && idle) all.push_back({"ended", [=](World& world) { world.end(w); }, true});
    if (!worker.stopping && left.stops > 0)
      all.push_back({"stops", [=](World& world) {
                       --world.left.stops;
                       world.workers[w].stopping = true;
                     }});
    if (left.kills > 0 && !idle)
      all.push_back({"killed", [=](World& world) {
                       --world.left.kills;
                       world.kill(w);
                     }});
    // It stood still for so long that others took what it held.
    if (left.taken_leases > 0 && !idle)
      all.push_back({"leases taken", [=](World& world) {
                       --world.left.taken_leases;
                       world.recover(w, true);
                     }});
  }
  if (left.cancels > 0)
    for (int m = 0; m < kMessages; ++m)
      all.push_back({"cancel", [=](World& world) {
                       --world.left.cancels;
                       world.cancel(m);
                     }});
  return all;
}

inline bool World::at_rest() const {
  for (const InRedis& message : messages)
    if (message.place != Place::dead && message.place != Place::gone) return false;
  for (const Worker& worker : workers)
    for (const auto& flight : worker.flights)
      if (flight) return false;
  return true;
}

inline std::string World::text() const {
  std::string text;
  for (const InRedis& m : messages)
    text += "message: place " + std::to_string(static_cast<int>(m.place)) + " marks " +
            std::to_string(m.marks[0]) + std::to_string(m.marks[1]) + " deaths " + std::to_string(m.deaths) +
            " record " + std::to_string(static_cast<int>(m.record.status)) + " attempt " +
            std::to_string(m.record.attempt) + "\n";
  for (const Worker& w : workers) {
    text += std::string("worker:") + (w.alive ? "" : " dead") + (w.stopping ? " stopping" : "");
    for (const auto& f : w.flights)
      text += f ? " " + std::string(described::enum_name(f->attempt.effect)) +
                      (f->attempt.end ? "/" + std::string(described::enum_name(*f->attempt.end)) : "") +
                      (f->attempt.exclusive ? " exclusive" : "") + (f->attempt.marked ? " marked" : "")
                : " -";
    text += "\n";
  }
  return text;
}

inline std::string World::key() const {
  std::string key;
  const auto add = [&key](auto value) { key += static_cast<char>(value); };
  for (const InRedis& m : messages) {
    add(m.place), add(m.marks[0] + 2 * m.marks[1] + 4 * m.tombstone), add(m.deaths), add(m.retries),
        add(m.settled);
    add(m.record.status), add(m.record.attempt), add(m.record.worker);
  }
  for (const Worker& w : workers) {
    add(w.alive + 2 * w.stopping);
    for (const auto& f : w.flights) {
      add(f ? static_cast<int>(f->attempt.effect) : -1);
      if (!f) continue;
      const Attempt& a = f->attempt;
      add(a.end ? static_cast<int>(*a.end) : -1);
      add(a.record + 2 * a.opened + 4 * a.written + 8 * a.marked + 16 * a.exclusive + 32 * f->in_doubt);
      add(f->number);
    }
  }
  add(left.kills), add(left.lost_answers), add(left.taken_leases), add(left.cancels), add(left.stops),
      add(left.refusals);
  return key;
}

}  // namespace medsynth::pipeline
