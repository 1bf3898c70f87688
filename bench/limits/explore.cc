// Explores the admission plan: every interleaving of three models x three requests until so many distinct
// states were seen (or all there are), then a random walk. Exits 1 at the first fault.
//
//   limits_explore [requests=9] [states=1500000] [random steps=10000000]
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <unordered_set>

#include "unit/limits/admission_model.h"

using namespace medsynth::limits::model;

int main(int argc, char** argv) {
  const auto argument = [&](int at, long otherwise) { return argc > at ? std::atol(argv[at]) : otherwise; };
  const int requests = static_cast<int>(argument(1, kMost));
  const auto most = static_cast<std::size_t>(argument(2, 1'500'000));
  const long walk = argument(3, 10'000'000);

  Model model(requests);
  std::unordered_set<Key, KeyHash> seen{key_of({})};
  seen.reserve(most);
  std::deque<State> open{State{}};
  std::size_t steps = 0;
  while (!open.empty() && seen.size() < most) {
    const State state = open.front();
    open.pop_front();
    for (const Step& step : model.steps(state)) {
      const State next = model.after(state, step);
      ++steps;
      if (!model.fault().empty()) return std::printf("FAULT: %s\n", model.fault().c_str()), 1;
      if (seen.insert(key_of(next)).second) open.push_back(next);
    }
  }
  std::printf("%d requests: %zu distinct states, %zu steps, %s: no fault\n", requests, seen.size(), steps,
              open.empty() ? "all there are" : "breadth first");

  std::mt19937_64 random(20'260'801);
  State state;
  for (long i = 0; i < walk; ++i) {
    for (Request& each : state.requests)
      if (each.phase == Phase::done) each = {};
    const auto next = model.steps(state);
    state = model.after(state, next[random() % next.size()]);
    if (!model.fault().empty()) return std::printf("FAULT at %ld: %s\n", i, model.fault().c_str()), 1;
  }
  std::printf("%ld random steps: no fault\n", walk);
}
