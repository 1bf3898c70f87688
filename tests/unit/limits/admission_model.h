// A machine with requests that come, wait, are called, run, end, give up and die, in steps as fine as the
// gatekeeper's: what it does under the guard is one step, freeing and ringing are two. Who may go is decided
// by the real verdicts(). After every step it is checked that
//
//   - no admission exceeded a limit;
//   - nobody sleeps who may go, once every ring has been heard (no lost wake-up);
//   - nobody sleeps past its deadline;
//   - whoever passed an earlier one that waits leaves it free to start as soon as it could have otherwise.
//
// Used by the explorer (every interleaving) and by random walks.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "medsynth/limits/line.h"

namespace medsynth::limits::model {

// outside -> joining: looked, and was refused -> awake -> looking -> asleep, running or left ...
enum class Phase : std::uint8_t { outside, joining, awake, looking, asleep, running, freed, left, done };

struct Request {
  Phase phase = Phase::outside;
  bool called = false;   // rung, and has not come yet
  bool expired = false;  // its deadline has passed, or it was cancelled
  bool operator==(const Request&) const = default;
};

constexpr int kMost = 9;  // 3 models x 3 requests

struct State {
  std::array<Request, kMost> requests{};
  std::array<std::int8_t, kMost> line{};  // who waits, first come first
  std::int8_t waiting = 0;
  bool low_limit = false;  // of slots
  bool loaded = false;     // by others
  bool stale = false;      // something changed that rings nothing; the first in line will look
  bool operator==(const State&) const = default;
};

struct Key {
  std::uint64_t requests = 0, line = 0;
  bool operator==(const Key&) const = default;
};
inline Key key_of(const State& state) {
  Key key;
  for (const Request& each : state.requests)
    key.requests = key.requests * 64 + static_cast<std::uint64_t>(each.phase) * 4 + (each.called ? 2 : 0) +
                   (each.expired ? 1 : 0);
  for (int i = 0; i < state.waiting; ++i)
    key.line = key.line * 16 + static_cast<std::uint64_t>(state.line[i] + 1);
  key.line = key.line * 8 + (state.low_limit ? 4 : 0) + (state.loaded ? 2 : 0) + (state.stale ? 1 : 0);
  return key;
}
struct KeyHash {
  std::size_t operator()(const Key& key) const {
    std::uint64_t mixed = (key.requests ^ (key.line >> 29)) * 0x9E3779B97F4A7C15ULL;
    mixed = (mixed ^ (mixed >> 32) ^ key.line) * 0xD6E8FEB86659FD93ULL;
    return mixed ^ (mixed >> 32);
  }
};

// What can happen next; `who` is a request, or -1 for the machine.
enum class Event : std::uint8_t { arrive, join, come, look, end, ring, expire, kill, tick, limit, load };
struct Step {
  Event event;
  int who;
};

class Model {
 public:
  // `requests` of them: each of three models for a small, a middle and a large task, no two alike.
  explicit Model(int requests) : count_(requests) {
    constexpr std::uint64_t kGib = 1ULL << 30;
    constexpr std::array<double, 3> kCpu{15, 25, 60};
    constexpr std::array<std::uint64_t, 3> kMemory{1, 3, 9};
    for (int i = 0; i < kMost; ++i)
      demands_[i] = {.cpu_share_percent = kCpu[(i + i / 3) % 3],
                     .memory_bytes = kMemory[(i + i / 3) % 3] * kGib,
                     .model = static_cast<std::uint64_t>(1 + i % 3),
                     .model_parallel = i % 3 == 2 ? 2 : 1};
  }

  const std::string& fault() const { return fault_; }  // "" while everything held

  std::vector<Step> steps(const State& state) const {
    std::vector<Step> out;
    for (int i = 0; i < count_; ++i) {
      switch (state.requests[i].phase) {
        case Phase::outside:
          out.push_back({Event::arrive, i});
          break;
        case Phase::joining:
          out.push_back({Event::join, i});
          break;
        case Phase::awake:
          out.push_back({Event::come, i});
          break;
        case Phase::looking:
          out.push_back({Event::look, i});
          break;
        case Phase::asleep:
          out.push_back({Event::expire, i});
          out.push_back({Event::kill, i});
          break;
        case Phase::running:
          out.push_back({Event::end, i});
          out.push_back({Event::kill, i});
          break;
        case Phase::freed:
        case Phase::left:
          out.push_back({Event::ring, i});
          break;
        case Phase::done:
          break;
      }
    }
    if (state.stale && state.waiting > 0 && state.requests[state.line[0]].phase == Phase::asleep)
      out.push_back({Event::tick, -1});
    out.push_back({Event::limit, -1});
    out.push_back({Event::load, -1});
    return out;
  }

  State after(State state, Step step) {
    Request& who = state.requests[step.who < 0 ? 0 : step.who];
    switch (step.event) {
      case Event::arrive:
        look(state, step.who, true);
        break;
      case Event::join:
        state.line[state.waiting++] = static_cast<std::int8_t>(step.who);
        who = {.phase = Phase::awake};
        break;
      case Event::come:
        who.called = false;
        who.phase = Phase::looking;
        break;
      case Event::look:
        look(state, step.who, false);
        break;
      case Event::end:
        who = {.phase = Phase::freed};
        break;
      case Event::ring:
        who = {.phase = Phase::done};
        ring_first(state);
        break;
      case Event::expire:
        who.expired = true;
        who.phase = Phase::awake;
        break;
      case Event::kill:
        if (who.phase == Phase::asleep) leave(state, step.who);
        who = {.phase = Phase::done};
        state.stale = true;
        break;
      case Event::tick:
        wake(state.requests[state.line[0]]);
        state.stale = false;
        break;
      case Event::limit:
        state.low_limit = !state.low_limit;
        for (int i = 0; i < state.waiting; ++i) ring(state.requests[state.line[i]]);
        break;
      case Event::load:
        state.loaded = !state.loaded;
        state.stale = true;
        break;
    }
    if (state.waiting == 0) state.stale = false;
    check_sleepers(state);
    return state;
  }

 private:
  Limits limits(const State& state) const {
    return {.max_cpu_percent = 80,
            .max_memory_percent = 80,
            .max_gpu_percent = 100,
            .max_concurrent_tasks = state.low_limit ? 2 : 3};
  }
  Snapshot snapshot(const State& state) const {
    Snapshot out;
    out.sample = {.effective_cpus = 4, .cpu_percent = state.loaded ? 30.0 : 0.0, .memory_limit = 16ULL << 30};
    out.limits = limits(state);
    for (int i = 0; i < count_; ++i)
      if (state.requests[i].phase == Phase::running) out.running.push_back(holding(i));
    return out;
  }
  Holding holding(int i) const {
    return {.pid = i + 1,
            .model = demands_[i].model,
            .cpu_share_percent = demands_[i].cpu_share_percent,
            .memory_bytes = demands_[i].memory_bytes};
  }
  std::vector<Waiting> line(const State& state) const {
    std::vector<Waiting> out;
    for (int i = 0; i < state.waiting; ++i)
      out.push_back({.demand = demands_[state.line[i]], .limits = limits(state)});
    return out;
  }

  static void wake(Request& who) {
    if (who.phase == Phase::asleep) who.phase = Phase::awake;
  }
  static void ring(Request& who) {
    wake(who);
    who.called = true;
  }
  static void leave(State& state, int who) {
    auto* end = std::remove(state.line.begin(), state.line.begin() + state.waiting, who);
    state.waiting = static_cast<std::int8_t>(end - state.line.begin());
    std::fill(end, state.line.end(), std::int8_t{0});
  }
  // As SlotTable::ring_first(): one that was called already is on its way.
  static void ring_first(State& state) {
    if (state.waiting == 0) return;
    Request& first = state.requests[state.line[0]];
    if (!first.called) ring(first);
  }

  // As Gatekeeper::look_and_take(), and what acquire() does with its answer. A newcomer stands behind all.
  void look(State& state, int who, bool newcomer) {
    Request& me = state.requests[who];
    if (newcomer) state.line[state.waiting++] = static_cast<std::int8_t>(who);
    const Snapshot before = snapshot(state);
    const auto all = verdicts(before, line(state));
    const auto at =
        std::find(state.line.begin(), state.line.begin() + state.waiting, who) - state.line.begin();
    for (int i = 0; i < state.waiting; ++i) {
      Request& other = state.requests[state.line[i]];
      if (i == at || !all[i].admitted() || other.called) continue;
      ring(other);
    }
    if (all[at].admitted()) {
      check_admission(before, who);
      check_passed(state, before, all, static_cast<int>(at));
      leave(state, who);
      me = {.phase = Phase::running};
    } else if (me.expired) {
      leave(state, who);
      me = {.phase = Phase::left};
    } else {
      if (newcomer) leave(state, who);
      // One that was rung since it came finds its bell changed, and does not fall asleep.
      me.phase = newcomer ? Phase::joining : me.called ? Phase::awake : Phase::asleep;
    }
  }

  void check_admission(const Snapshot& before, int who) {
    double cpu = before.sample.cpu_percent.value_or(0) + demands_[who].cpu_share_percent;
    std::uint64_t memory = demands_[who].memory_bytes;
    std::int64_t users = 1;
    for (const Holding& each : before.running) {
      cpu += each.cpu_share_percent;
      memory += each.memory_bytes;
      users += each.model == demands_[who].model ? 1 : 0;
    }
    const auto tasks = static_cast<std::int64_t>(before.running.size()) + 1;
    if (tasks > before.limits.max_concurrent_tasks) fault_ = "more tasks than slots";
    if (users > demands_[who].model_parallel) fault_ = "more users of a model than it may have";
    if (cpu > before.limits.max_cpu_percent) fault_ = "more CPU than the limit";
    if (static_cast<double>(memory) > 0.8 * static_cast<double>(before.sample.memory_limit))
      fault_ = "more memory than the limit";
  }

  // Every set of the running tasks: where the earlier one could start, it can beside the later one too.
  void check_passed(const State& state, const Snapshot& before, const std::vector<Verdict>& all, int at) {
    for (int i = 0; i < at; ++i) {
      if (all[i].admitted()) continue;
      const Demand& earlier = demands_[state.line[i]];
      for (unsigned set = 0; set < 1U << before.running.size(); ++set) {
        Snapshot left = before;
        left.running.clear();
        for (std::size_t task = 0; task < before.running.size(); ++task)
          if (set >> task & 1U) left.running.push_back(before.running[task]);
        if (!decide(left, earlier).admitted()) continue;
        left.running.push_back(holding(state.line[at]));
        if (!decide(left, earlier).admitted()) fault_ = "one that passed delays an earlier one";
      }
    }
  }

  void check_sleepers(const State& state) {
    for (int i = 0; i < count_; ++i) {
      const Phase phase = state.requests[i].phase;
      if (phase == Phase::asleep && state.requests[i].expired) fault_ = "sleeps past its deadline";
      if (phase != Phase::outside && phase != Phase::asleep && phase != Phase::running &&
          phase != Phase::done)
        return;  // not all has been heard yet
    }
    if (state.stale || state.waiting == 0) return;
    for (const Verdict& verdict : verdicts(snapshot(state), line(state)))
      if (verdict.admitted()) fault_ = "a lost wake-up: it may go, and sleeps";
  }

  int count_;
  std::array<Demand, kMost> demands_{};
  std::string fault_;
};

}  // namespace medsynth::limits::model
