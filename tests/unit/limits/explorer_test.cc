// Every interleaving of a few requests, and a random walk with nine. bench/limits/explore does more of both.
#include <deque>
#include <random>
#include <unordered_set>

#include <gtest/gtest.h>

#include "unit/limits/admission_model.h"

namespace medsynth::limits::model {
namespace {

// A small, a middle and a large task, every order of every step: nothing of what the model checks ever fails,
// and every state is reached.
TEST(AdmissionExplorer, HoldsInEveryInterleaving) {
  Model model(3);
  std::unordered_set<Key, KeyHash> seen{key_of({})};
  std::deque<State> open{State{}};
  while (!open.empty()) {
    const State state = open.front();
    open.pop_front();
    for (const Step& step : model.steps(state)) {
      const State next = model.after(state, step);
      ASSERT_EQ(model.fault(), "");
      if (seen.insert(key_of(next)).second) open.push_back(next);
    }
  }
  EXPECT_GT(seen.size(), 1'000u);
}

// Nine requests that come again and again: nothing fails in a walk of random steps.
TEST(AdmissionExplorer, HoldsInARandomWalk) {
  Model model(kMost);
  std::mt19937 random(20'260'801);
  State state;
  int started = 0;
  for (int i = 0; i < 50'000; ++i) {
    for (Request& each : state.requests)
      if (each.phase == Phase::done) each = {};
    const auto steps = model.steps(state);
    const Step step = steps[random() % steps.size()];
    state = model.after(state, step);
    ASSERT_EQ(model.fault(), "") << "step " << i;
    started += step.event == Event::end ? 1 : 0;
  }
  EXPECT_GT(started, 1000);
}

}  // namespace
}  // namespace medsynth::limits::model
