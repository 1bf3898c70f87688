// Every order of events of three models and three callers, with uses that begin and end between any two steps
// of the shell; then long random walks. MEDSYNTH_EXPLORE=full looks at a million states and takes ten million
// steps (minutes, in a release build); without it, enough to find a slip of the pen.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <unordered_set>

#include <gtest/gtest.h>

#include "unit/models/plan_world.h"

namespace medsynth::models {
namespace {

using namespace std::chrono_literals;

constexpr auto kStep = 1000ms;
constexpr auto kPatience = 3000ms;  // a caller's time
constexpr std::array<const char*, 3> kModels{"a", "b", "c"};
constexpr std::array<Ticket, 3> kCallers{1, 2, 3};
const Error kBroken{Code::invalid_argument, "broken file", "not_a_model"};
const Error kNoMemory{Code::exhausted, "no memory", "no_memory"};
const Error kStopped{Code::cancelled, "stopped", ""};

// Two places, three bytes; "c" takes two of them. Rates are off: they never repeat, and only break ties here.
World fresh_world() {
  return World({.max_models = 2, .ttl = 2000ms, .max_bytes = 3, .passing = 1000ms, .history = 0ms});
}

// Two GPUs of two bytes each beside that. "a" wants one byte of the first, "b" all of it, "c" one of each.
World world_with_devices() {
  World world({.max_models = 3, .ttl = 2000ms, .max_bytes = 3, .passing = 1000ms, .history = 0ms});
  world.set_devices({2, 2}, {0, 0});
  return world;
}

Metadata metadata_of(const World& world, const std::string& id) {
  if (world.device_totals.empty()) return {.memory_bytes = id == "c" ? 2U : 1U};
  using Bytes = std::vector<std::uint64_t>;
  return {.memory_bytes = 1, .device_bytes = id == "a" ? Bytes{1} : id == "b" ? Bytes{2} : Bytes{1, 1}};
}

void request(World& world, Ticket ticket, const std::string& id) {
  world.deadlines[ticket] = world.now + kPatience;
  world.request(ticket, id, metadata_of(world, id));
}

void pass_time(World& world) {
  world.now += kStep;
  for (const Ticket ticket : kCallers) {
    // One event after the other, as under the shell's mutex.
    if (world.waiting.contains(ticket) && world.deadlines.at(ticket) <= world.now)
      world.leave(ticket), world.run();
  }
  world.tick();
}

using Action = std::function<void(World&)>;

// What can happen next. While effects wait to be carried out the shell holds its mutex: only uses go on.
std::vector<Action> actions_in(const World& world) {
  std::vector<Action> actions;
  const bool locked = !world.pending.empty();
  if (locked) actions.emplace_back([](World& w) { w.carry_out_one(); });
  for (const Ticket ticket : kCallers) {
    if (world.users.contains(ticket)) {
      if (!locked || world.can_let_go(ticket)) actions.emplace_back([=](World& w) { w.let_go(ticket); });
      if (!locked) actions.emplace_back([=](World& w) { w.let_go(ticket, 0ms); });
    } else if (world.waiting.contains(ticket)) {
      if (!locked) actions.emplace_back([=](World& w) { w.leave(ticket); });
    } else {
      for (const std::string id : kModels) {
        const auto door = world.doors.find(id);
        if (!locked) actions.emplace_back([=](World& w) { request(w, ticket, id); });
        if (locked && door != world.doors.end() && door->second.open)
          actions.emplace_back([=](World& w) { w.take(ticket, id); });
      }
      if (!locked) break;  // callers are alike: the first that is free asks
    }
  }
  if (locked) return actions;
  for (const std::string& id : world.loading) {
    actions.emplace_back([=](World& w) { w.load(id); });
    actions.emplace_back([=](World& w) { w.fail(id, kBroken); });
    actions.emplace_back([=](World& w) { w.fail(id, kNoMemory); });
    if (world.stopped.contains(id)) actions.emplace_back([=](World& w) { w.fail(id, kStopped); });
  }
  for (const std::string& id : std::set<std::string>(world.leaving.begin(), world.leaving.end()))
    actions.emplace_back([=](World& w) { w.unload(id); });
  for (const auto& [id, door] : world.doors)
    actions.emplace_back([=, name = id](World& w) { w.remove(name); });
  actions.emplace_back(pass_time);
  if (world.device_totals.empty()) {
    actions.emplace_back([](World& w) { w.set_max_bytes(w.budget == 3 ? 2 : 3); });
    return actions;
  }
  // Another program takes what is free on the first GPU, or gives it back.
  actions.emplace_back([](World& w) {
    const std::uint64_t free = w.devices()[0].memory_free;
    w.set_devices(w.device_totals, {w.device_others[0] > 0 ? 0 : free, 0});
  });
  return actions;
}

// From here on everything ends well: does everybody get an answer?
std::string wrong_with(const World& world) {
  if (!world.broken.empty()) return world.broken;
  for (const auto& [ticket, id] : world.waiting) {
    if (world.pending.empty() && world.deadlines.at(ticket) < world.now)
      return "a caller waits past its deadline";
  }
  if (world.waiting.empty()) return "";
  World end = world;
  end.settle();
  return end.broken;
}

bool is_full() {
  const char* const value = std::getenv("MEDSYNTH_EXPLORE");
  return value && std::string(value) == "full";
}

// Breadth first, each state once.
void explore(World first) {
  const std::size_t most = is_full() ? 1'200'000 : 4'000;
  std::unordered_set<std::size_t> seen;
  std::deque<World> open{std::move(first)};
  std::size_t transitions = 0;
  while (!open.empty() && seen.size() < most) {
    const World world = std::move(open.front());
    open.pop_front();
    for (const Action& action : actions_in(world)) {
      World next = world;
      next.granted.clear(), next.refused.clear(), next.started.clear(), next.unloads.clear();
      action(next);
      next.check();
      ++transitions;
      const std::string print = next.fingerprint();
      if (!seen.insert(std::hash<std::string>{}(print)).second) continue;
      ASSERT_EQ(wrong_with(next), "") << print << "\nafter " << world.fingerprint();
      open.push_back(std::move(next));
    }
  }
  std::printf("%zu states, %zu transitions, %s\n", seen.size(), transitions,
              open.empty() ? "all there are" : "the nearest");
  EXPECT_GE(seen.size(), std::min<std::size_t>(most, 4'000));
}

void walk(World world) {
  const std::size_t steps = is_full() ? 10'000'000 : 30'000;
  std::mt19937_64 random(20261124);
  for (std::size_t step = 0; step < steps; ++step) {
    const auto actions = actions_in(world);
    actions[random() % actions.size()](world);
    world.check();
    // Deep looks are dear; a caller that waits for ever still does so a little later.
    ASSERT_EQ(step % 64 == 0 ? wrong_with(world) : world.broken, "")
        << "step " << step << ": " << world.fingerprint();
    world.granted.clear(), world.refused.clear(), world.started.clear(), world.unloads.clear();
  }
}

TEST(Explorer, EveryOrderOfEvents) {
  explore(fresh_world());
}
TEST(Explorer, EveryOrderOfEventsWithDevices) {
  explore(world_with_devices());
}
TEST(Explorer, RandomSteps) {
  walk(fresh_world());
}
TEST(Explorer, RandomStepsWithDevices) {
  walk(world_with_devices());
}

}  // namespace
}  // namespace medsynth::models
