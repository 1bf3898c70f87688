// Every order of what can happen to two messages on two workers, as far as the bound goes; then long random
// walks. MEDSYNTH_EXPLORE=full looks at three million states (a minute or two); without it, enough to find a
// slip of the pen.
#include <cstdlib>
#include <deque>
#include <random>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include <gtest/gtest.h>

#include "unit/pipeline/attempt_world.h"

namespace medsynth::pipeline {
namespace {

bool explores_fully() {
  const char* how = std::getenv("MEDSYNTH_EXPLORE");
  return how && std::string_view(how) == "full";
}

// From here on nothing goes wrong any more: does every message leave?
bool has_way_out(World world) {
  for (int step = 0; step < 300; ++step) {
    if (world.at_rest()) return world.fault.empty();
    bool moved = false;
    // Workers take turns, so that none waits for the other for ever.
    auto actions = world.actions();
    for (std::size_t i = 0; i < actions.size() && !moved; ++i) {
      auto& action = actions[(i + static_cast<std::size_t>(step)) % actions.size()];
      if (!action.heals) continue;
      action.run(world);
      moved = true;
    }
    if (!moved) return false;
  }
  return false;
}

TEST(AttemptExplorer, EveryOrderOfEventsKeepsWhatIsPromised) {
  const std::size_t bound = explores_fully() ? 3'000'000 : 150'000;
  std::unordered_set<std::string> seen;
  std::deque<World> frontier{World()};
  seen.insert(World().key());
  std::size_t looked = 0;
  while (!frontier.empty()) {
    const World world = std::move(frontier.front());
    frontier.pop_front();
    if (++looked % 16 == 0) ASSERT_TRUE(has_way_out(world)) << "no way out of\n" << world.text();
    for (const World::Action& action : world.actions()) {
      World then = world;
      action.run(then);
      ASSERT_EQ(then.fault, "") << action.name << " in\n" << world.text();
      if (seen.size() < bound && seen.insert(then.key()).second) frontier.push_back(std::move(then));
    }
  }
  EXPECT_GT(seen.size(), bound / 2);
}

TEST(AttemptExplorer, LongWalksKeepIt) {
  std::mt19937 random{7};
  const int walks = explores_fully() ? 20'000 : 1'000;
  for (int walk = 0; walk < walks; ++walk) {
    World world;
    world.left = {5, 3, 2, 2, 3, 2};
    std::string path;
    for (int step = 0; step < 200 && !world.at_rest(); ++step) {
      auto actions = world.actions();
      auto& action = actions[std::uniform_int_distribution<std::size_t>(0, actions.size() - 1)(random)];
      path += action.name + "; ";
      action.run(world);
      ASSERT_EQ(world.fault, "") << path;
    }
    ASSERT_TRUE(has_way_out(world)) << path << world.text();
  }
}

}  // namespace
}  // namespace medsynth::pipeline
